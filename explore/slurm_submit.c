// SPDX-License-Identifier: Apache-2.0
// sbatch: one job, once.
#define _GNU_SOURCE  // strcasestr, asprintf
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sj_config.h"
#include "sj_file.h"
#include "sj_random.h"
#include "slurm_internal.h"

enum { WORDS_MAX = 24 + SJ_SLURM_OPTIONS_MAX, PARTITIONS_MAX = 256 };

typedef struct call {
    const char *words[WORDS_MAX];  // of sbatch
    char *owned[WORDS_MAX];
    int word_count, owned_count;
    char *name;  // of the job, with its token
} call;

static void drop(call *c) {
    for (int i = 0; i < c->owned_count; i++) {
        free(c->owned[i]);
    }
    *c = (call){0};
}

static void add(call *c, const char *word) { c->words[c->word_count++] = word; }

__attribute__((format(printf, 3, 4))) static sj_status add_text(call *c, sj_error *err, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *text = NULL;
    const int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for a command");
    }
    c->owned[c->owned_count++] = text;
    add(c, text);
    return SJ_OK;
}

// Options that say what is submitted or make sbatch do something else than submit it, and those with keys of their own. sbatch takes any beginning of a long name.
static sj_status check_option(const char *option, sj_error *err) {
    static const char *const ours[] = {"--array", "--chdir",    "--dependency", "--error", "--help",    "--input", "--job-name", "--no-requeue", "--open-mode", "--output", "--parsable",
                                       "--requeue", "--test-only", "--usage",      "--version", "--wait", "--wrap"};
    static const char *const keys[] = {"--account", "--mem", "--partition", "--time"};
    static const char our_letters[] = "DJVWadehio", key_letters[] = "Apt";
    if (option[0] != '-' || option[1] == '\0' || strcmp(option, "--") == 0) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "slurm.options: \"%s\" is no option of sbatch; each is one word, such as \"--qos=low\"", option);
    }
    const bool is_long = option[1] == '-';
    const size_t length = strcspn(option, "=");
    bool is_ours = !is_long && strchr(our_letters, option[1]) != NULL, has_key = !is_long && strchr(key_letters, option[1]) != NULL;
    for (size_t i = 0; is_long && i < sizeof ours / sizeof *ours; i++) {
        is_ours = is_ours || strncmp(ours[i], option, length) == 0;
    }
    for (size_t i = 0; is_long && i < sizeof keys / sizeof *keys; i++) {
        has_key = has_key || strncmp(keys[i], option, length) == 0;
    }
    if (is_ours) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "slurm.options: \"%s\": this option is not allowed here; the sweep sets it itself, or cannot work with it", option);
    }
    return has_key ? SJ_FAIL(err, SJ_ERR_CONFIG, "slurm.options: \"%s\": not allowed here; keys of slurm say it: partition, account, time, memory_mib", option) : SJ_OK;
}

// Something that no other submission has, of this or any other machine's sweeps.
static uint64_t make_token(void) {
    static uint64_t submissions;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    char host[256] = "";
    (void)gethostname(host, sizeof host - 1);
    uint64_t hash = 0;
    for (const char *c = host; *c != '\0'; c++) {
        hash = 31 * hash + (unsigned char)*c;
    }
    sj_random r = sj_random_stream((uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec, hash ^ ((uint64_t)getpid() << 32) ^ __atomic_add_fetch(&submissions, 1, __ATOMIC_RELAXED));
    return sj_random_u64(&r);
}

static sj_status add_config(call *c, const sj_slurm_config *config, sj_error *err) {
    if (config->partition != NULL) {
        SJ_TRY(add_text(c, err, "--partition=%s", config->partition));
    }
    if (config->account != NULL) {
        SJ_TRY(add_text(c, err, "--account=%s", config->account));
    }
    if (config->time != NULL) {
        SJ_TRY(add_text(c, err, "--time=%s", config->time));
    }
    if (config->memory_mib > 0) {
        SJ_TRY(add_text(c, err, "--mem=%" PRId64 "M", config->memory_mib));
    }
    for (int i = 0; i < config->option_count; i++) {
        SJ_TRY(check_option(config->options[i], err));
        add(c, config->options[i]);
    }
    return SJ_OK;
}

static sj_status add_array(call *c, const sj_slurm_job *job, sj_error *err) {
    char *indexes = NULL;
    SJ_TRY(sj_slurm_indexes(job->tasks, job->task_count, job->base, job->config->tasks_at_once, &indexes, err));
    const sj_status status = add_text(c, err, "--array=%s", indexes);
    free(indexes);
    return status;
}

static sj_status add_paths(call *c, const sj_slurm_job *job, sj_error *err) {
    char *folder = realpath(job->folder, NULL);
    if (folder == NULL) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot be the folder of a job: %s", job->folder, strerror(errno));
    }
    c->owned[c->owned_count++] = folder;
    if (strpbrk(folder, "%\\") != NULL) {
        return SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "%s: a folder of jobs has neither %% nor a backslash in its whole name: Slurm reads them as marks of its own in names of output files", folder);
    }
    SJ_TRY(add_text(c, err, "--chdir=%s", folder));
    SJ_TRY(add_text(c, err, "--output=%s", job->output));
    SJ_TRY(sj_slurm_write_script(job, err));
    char *script = realpath(job->script, NULL);  // one that begins with a slash is no option
    if (script == NULL) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot find the script that was just written: %s", job->script, strerror(errno));
    }
    c->owned[c->owned_count++] = script;
    return SJ_OK;
}

static sj_status make_call(call *c, const sj_slurm_job *job, sj_error *err) {
    add(c, "sbatch");
    add(c, "--parsable");
    add(c, "--open-mode=append");  // what a task wrote before it was started again
    add(c, job->restarts > 0 ? "--requeue" : "--no-requeue");
    SJ_TRY(add_text(c, err, "--job-name=%s.%08" PRIx64, job->name, make_token() & 0xffffffffu));
    c->name = c->owned[c->owned_count - 1] + strlen("--job-name=");
    SJ_TRY(add_config(c, job->config, err));
    if (job->dependency != NULL) {
        SJ_TRY(add_text(c, err, "--dependency=%s", job->dependency));
    }
    if (job->task_count > 0) {
        SJ_TRY(add_array(c, job, err));
    }
    SJ_TRY(add_paths(c, job, err));
    add(c, c->owned[c->owned_count - 1]);  // the script
    return SJ_OK;
}

// The last line that is a job id, "12" or "12;cluster": a site's own sbatch may write more.
static bool read_id(const char *text, char id[SJ_SLURM_ID_MAX]) {
    bool found = false;
    for (const char *line = text; *line != '\0';) {
        const size_t length = strcspn(line, "\n"), digits = strspn(line, "0123456789");
        if (digits > 0 && digits <= 18 && length < SJ_SLURM_ID_MAX && (digits == length || (line[digits] == ';' && digits + 1 < length))) {
            snprintf(id, SJ_SLURM_ID_MAX, "%.*s", (int)length, line);
            found = true;
        }
        line += length + (line[length] == '\n');
    }
    return found;
}

// ---- Was it submitted? Jobs of this user are looked through for the name.
typedef struct search {
    const char *name;
    char id[SJ_SLURM_ID_MAX];  // "": there is none
} search;

// Lines are "12 name"; with --clusters, "CLUSTER: name" before those of each.
static bool accept_names(void *context, const sj_child *c) {
    search *s = context;
    char cluster[64] = "";
    s->id[0] = '\0';
    for (const char *line = c->output; *line != '\0';) {
        const size_t length = strcspn(line, "\n"), digits = strspn(line, "0123456789"), name = strlen(s->name);
        if (strncmp(line, "CLUSTER: ", 9) == 0) {
            snprintf(cluster, sizeof cluster, ";%.*s", length < 62 ? (int)length - 9 : 0, line + 9);
        } else if (digits > 0 && digits <= 18 && length == digits + 1 + name && line[digits] == ' ' && strncmp(line + digits + 1, s->name, name) == 0) {
            snprintf(s->id, sizeof s->id, "%.*s%s", (int)digits, line, cluster);
        }
        line += length + (line[length] == '\n');
    }
    return c->exit_code == 0;
}

static const char *cluster_option(const call *c) {
    for (int i = 0; i < c->word_count; i++) {
        if (strncmp(c->words[i], "-M", 2) == 0 || strncmp(c->words[i], "--clusters=", 11) == 0) {
            return c->words[i];
        }
    }
    return NULL;
}

static sj_status look(const sj_slurm *s, const call *c, search *found, sj_error *err) {
    char user[32];
    snprintf(user, sizeof user, "--user=%lu", (unsigned long)getuid());
    const char *const argv[] = {"squeue", "--noheader", "--states=all", user, "--format=%F %j", cluster_option(c), NULL};
    sj_child child;
    SJ_TRY(sj_slurm_ask(s, argv, true, accept_names, found, &child, err));
    sj_child_free(&child);
    return SJ_OK;
}

// What was on its way to the controller may get there after the first look.
static sj_status look_twice(const sj_slurm *s, const call *c, sj_slurm_wait *wait, search *found, bool *over, sj_error *err) {
    for (int i = 0; i < 2 && found->id[0] == '\0'; i++) {
        SJ_TRY(sj_slurm_wait_next(wait, over, err));
        SJ_TRY(look(s, c, found, err));
    }
    return SJ_OK;
}

// ---- Refusals
static int read_partitions(char *text, const char *names[PARTITIONS_MAX]) {
    int count = 0;
    char *mark = NULL;
    for (char *word = strtok_r(text, " \n", &mark); word != NULL && count < PARTITIONS_MAX; word = strtok_r(NULL, " \n", &mark)) {
        if (strncmp(word, "PartitionName=", 14) == 0) {
            names[count++] = word + 14;
        }
    }
    return count;
}

static sj_status fail_partition(const sj_slurm *s, const sj_slurm_job *job, const char *words, sj_error *err) {
    const char *const argv[] = {"scontrol", "--oneliner", "show", "partition", NULL};
    sj_child child;
    sj_error ignored;
    if (sj_slurm_ask(s, argv, false, NULL, NULL, &child, &ignored) != SJ_OK) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "slurm.partition: \"%s\": sbatch refuses: %s", job->config->partition, words);
    }
    const char *names[PARTITIONS_MAX];
    const int count = read_partitions(child.output, names);
    const char *nearest = sj_nearest_name(job->config->partition, names, count);
    char list[1024] = "";
    for (int i = 0, used = 0; i < count && used < (int)sizeof list; i++) {
        used += snprintf(list + used, sizeof list - (size_t)used, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    SJ_FAIL(err, SJ_ERR_CONFIG, "slurm.partition: \"%s\": sbatch refuses: %s; partitions of the cluster: %s%s%s%s", job->config->partition, words, list, nearest != NULL ? "; did you mean \"" : "",
            nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
    sj_child_free(&child);
    return err->status;
}

static sj_status fail_refused(const sj_slurm *s, const sj_slurm_job *job, const sj_child *child, sj_error *err) {
    char words[1024];
    sj_slurm_words(child, words, sizeof words);
    if (job->config->partition != NULL && strcasestr(words, "invalid partition") != NULL) {
        return fail_partition(s, job, words, err);
    }
    return SJ_FAIL(err, SJ_ERR_CONFIG, "sbatch refuses the job \"%s\": %s", job->name, words);
}

// ---- Submission
// One try. *unclear: it may have been submitted; *words: why one does not know.
static sj_status try_once(const sj_slurm *s, const sj_slurm_job *job, const call *c, char id[SJ_SLURM_ID_MAX], bool *unclear, char words[512], sj_error *err) {
    sj_slurm patient = *s;
    patient.interrupted = NULL;  // a submission that was begun is waited for: its number is what the job can be cancelled by
    sj_child child;
    SJ_TRY(sj_child_run(&patient, c->words, &child, err));
    const sj_slurm_verdict verdict = sj_slurm_judge(&child);
    *unclear = verdict == SJ_SLURM_NO_ANSWER || (verdict == SJ_SLURM_ANSWER && !read_id(child.output, id));
    sj_status status = SJ_OK;
    if (verdict == SJ_SLURM_REFUSAL) {
        status = fail_refused(s, job, &child, err);
    } else if (verdict == SJ_SLURM_ANSWER) {
        const size_t length = strcspn(child.output, "\n");
        snprintf(words, 512, "it wrote no job id, but \"%.*s\"", length < 200 ? (int)length : 200, child.output);
    } else {
        sj_slurm_words(&child, words, 512);
    }
    sj_child_free(&child);
    return status;
}

static sj_status submit(const sj_slurm *s, const sj_slurm_job *job, const call *c, char id[SJ_SLURM_ID_MAX], sj_error *err) {
    sj_slurm_wait wait = sj_slurm_wait_begin(s);
    search found = {.name = c->name};
    char words[512];
    for (bool over = false;;) {
        bool unclear = false;
        SJ_TRY(try_once(s, job, c, id, &unclear, words, err));
        if (!unclear) {
            return SJ_OK;
        }
        const sj_status status = look_twice(s, c, &wait, &found, &over, err);
        if (status != SJ_OK) {
            return sj_error_prefix(err, "job \"%s\": whether sbatch submitted it is not known (%s)", c->name, words);
        }
        if (found.id[0] != '\0') {
            snprintf(id, SJ_SLURM_ID_MAX, "%s", found.id);
            return SJ_OK;
        }
        if (over) {
            return SJ_FAIL(err, SJ_ERR_IO, "sbatch did not submit the job \"%s\" in %g s: %s", job->name, s->patience_seconds, words);
        }
    }
}

sj_status sj_slurm_submit(const sj_slurm *s, const sj_slurm_job *job, char id[SJ_SLURM_ID_MAX], sj_error *err) {
    call c = {0};
    id[0] = '\0';
    sj_status status = make_call(&c, job, err);
    status = status != SJ_OK ? status : submit(s, job, &c, id, err);
    if (status == SJ_ERR_CONFIG || status == SJ_ERR_UNSUPPORTED) {
        (void)unlink(job->script);  // certainly not submitted
    }
    drop(&c);
    return status;
}
