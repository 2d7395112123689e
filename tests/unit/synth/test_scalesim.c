// SPDX-License-Identifier: Apache-2.0
#include "folder.h"
#include "sj_random.h"
#include "sj_scalesim.h"

#define CONV_HEADER "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"

static sj_error err;

static sj_status read_text(const char *text, sj_network *net) {
    FILE *f = fopen("net.topology.csv", "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
    return sj_scalesim_read("net.topology.csv", net, &err);
}

static sj_network read_good(const char *text) {
    sj_network net;
    if (read_text(text, &net) != SJ_OK) {
        fail_msg("%s", err.message);
    }
    return net;
}

static void refused(const char *text, const char *message) {
    sj_network net;
    assert_int_equal(read_text(text, &net), SJ_ERR_FORMAT);
    assert_string_equal(err.message, message);
    assert_null(net.layers);
}

static void rows_are_convolutions_of_their_own(void **state) {
    sj_network net = read_good(CONV_HEADER "\n,,,,,,,,,\nConv1, 230, 230, 7, 7, 3, 64, 2,\nConv 2_dw,16,20,3,1,1,1,1,#dw, or so\n\tFC , 1, 1, 1, 1, 512, 1000, 1\n");
    assert_string_equal(net.name, "net.topology");
    assert_int_equal(net.layer_count, 3);
    const sj_layer_info *l = &net.layers[0];
    assert_string_equal(l->name, "Conv1");
    assert_int_equal(l->kind, SJ_KIND_CONV);
    assert_int_equal(l->input_count, 1);
    assert_int_equal(l->inputs[0], SJ_INPUT_OWN);
    assert_int_equal(l->in.h, 230);
    assert_int_equal(l->in.c, 3);
    assert_int_equal(l->out.h, 112);  // (230 - 7) / 2 + 1, rounded down
    assert_int_equal(l->out.c, 64);
    assert_int_equal(l->stride, 2);
    assert_int_equal(l->padding, 0);
    assert_int_equal(l->groups, 1);
    assert_true(l->needs_dx);
    assert_string_equal(net.layers[1].name, "Conv 2_dw");
    assert_int_equal(net.layers[1].out.h, 14);
    assert_int_equal(net.layers[1].out.w, 20);
    assert_string_equal(net.layers[2].name, "FC");
    assert_int_equal(net.layers[2].out.c, 1000);
    sj_network_free(&net);
}

static void products_are_convolutions_of_one_tap(void **state) {
    sj_network net = read_good("\xef\xbb\xbfLayer,M,N,K\r\nQKT,1024,100,64\r\nsmall,1,2,3,");
    assert_int_equal(net.layer_count, 2);
    const sj_layer_info *l = &net.layers[0];
    assert_int_equal(l->kind, SJ_KIND_CONV);
    assert_int_equal(l->in.h * l->in.w, 1024);
    assert_int_equal(l->in.c, 64);
    assert_int_equal(l->out.h * l->out.w, 1024);
    assert_int_equal(l->out.c, 100);
    assert_int_equal(l->kernel_h * l->kernel_w, 1);
    assert_int_equal(net.layers[1].in.c, 3);
    sj_network_free(&net);
}

static void titles_may_be_written_otherwise(void **state) {
    sj_network net = read_good("Layer,ifmap_height,IFMAP  WIDTH,Filter height,Filter width,Channel,Num Filters,Stride\na,4,4,4,4,1,1,1\n");
    assert_int_equal(net.layers[0].out.h, 1);  // a kernel as large as its input
    sj_network_free(&net);
}

static void errors_name_the_place(void **state) {
    refused("", "net.topology.csv: it has no layers; a topology is a line of titles and a line a layer");
    refused(CONV_HEADER, "net.topology.csv: it has no layers; a topology is a line of titles and a line a layer");
    refused("Conv1,4,4,3,3,1,1,1\n", "net.topology.csv:1: column 1 is titled \"Conv1\"; a topology's first line is \"Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, "
                                      "Channels, Num Filter, Strides\" or \"Layer, M, N, K\"");
    refused("Layer,M,K,N\na,1,1,1\n", "net.topology.csv:1: column 3 is titled \"K\"; a topology's first line is \"Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, "
                                      "Channels, Num Filter, Strides\" or \"Layer, M, N, K\"");
    refused("Layer,M,N,K,Sparsity\na,1,1,1,2:4\n", "net.topology.csv:1: column 5 \"Sparsity\" is unknown; only the first 4 are read: cut the others off (cut -d, -f1-4)");
    refused("Layer,M,N,K,,,Eh,Ew\na,1,1,1,,,2,2\n", "net.topology.csv:1: column 7 \"Eh\" is unknown; only the first 4 are read: cut the others off (cut -d, -f1-4)");
    refused("Layer,M,N,K\na,1,1\n", "net.topology.csv:2: column 4 \"K\": it is empty; a whole number from 1 to 2147483647 is needed");
    refused("Layer,M,N,K\na,1,0,1\n", "net.topology.csv:2: column 3 \"N\": \"0\"; a whole number from 1 to 2147483647 is needed");
    refused("Layer,M,N,K\na,1,2147483648,1\n", "net.topology.csv:2: column 3 \"N\": \"2147483648\"; a whole number from 1 to 2147483647 is needed");
    refused("Layer,M,N,K\na,1,1.5,1\n", "net.topology.csv:2: column 3 \"N\": \"1.5\"; a whole number from 1 to 2147483647 is needed");
    refused("Layer,M,N,K\na,-1,1,1\n", "net.topology.csv:2: column 2 \"M\": \"-1\"; a whole number from 1 to 2147483647 is needed");
    refused("Layer,M,N,K\na,1,1,1,7\n", "net.topology.csv:2: column 5: \"7\"; a row has 4 columns, a comment begins with '#'");
    refused("Layer,M,N,K\na,1,1,1\n\nb,1,1,1\na,2,2,2\n", "net.topology.csv:5: column 1 \"Layer\": \"a\" is the name of line 2 too; each layer needs one of its own");
    refused("Layer,M,N,K\na/b,1,1,1\n", "net.topology.csv:2: column 1 \"Layer\": \"a/b\"; a layer's name has 1 to 63 characters, no \"/\", and is not \".\" or \"..\"");
    refused("Layer,M,N,K\n,1,1,1\n", "net.topology.csv:2: column 1 \"Layer\": \"\"; a layer's name has 1 to 63 characters, no \"/\", and is not \".\" or \"..\"");
    refused(CONV_HEADER "a,4,4,5,3,1,1,1,\n", "net.topology.csv:2: column 4 \"Filter Height\": 5; it is larger than column 2 \"IFMAP Height\", 4, which includes the padding");
    refused(CONV_HEADER "a,4,4,3,5,1,1,1,\n", "net.topology.csv:2: column 5 \"Filter Width\": 5; it is larger than column 3 \"IFMAP Width\", 4, which includes the padding");
}

static void sizes_that_do_not_fit_are_refused(void **state) {
    sj_network net;
    assert_int_equal(read_text("Layer,M,N,K\na,2147483647,1,2147483647\n", &net), SJ_ERR_FORMAT);
    assert_non_null(strstr(err.message, "net.topology.csv: network \"net.topology\": layer \"a\": every dimension"));
    assert_int_equal(sj_scalesim_read("absent.csv", &net, &err), SJ_ERR_IO);
}

static void damage_is_an_error_or_harmless(void **state) {
    static const char good[] = CONV_HEADER "Conv1, 230, 230, 7, 7, 3, 64, 2,\nConv2, 16, 20, 3, 1, 1, 1, 1, #dw\n";
    const char *given = getenv("SJ_TEST_SEED");
    const uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : 4712;
    print_message("SJ_TEST_SEED=%llu\n", (unsigned long long)seed);
    sj_random r = sj_random_seed(seed);
    int read = 0;
    for (int i = 0; i < 2000; i++) {
        char text[sizeof good];
        memcpy(text, good, sizeof good);
        for (uint64_t n = 1 + sj_random_below(&r, 3); n > 0; n--) {
            static const char likely[] = "0123456789,#\n -x/";
            const size_t place = strlen(CONV_HEADER) + sj_random_below(&r, sizeof good - 1 - strlen(CONV_HEADER));
            text[place] = sj_random_below(&r, 2) == 0 ? (char)(1 + sj_random_below(&r, 255)) : likely[sj_random_below(&r, sizeof likely - 1)];
        }
        sj_network net;
        const sj_status status = read_text(text, &net);
        assert_true(status == SJ_OK || status == SJ_ERR_FORMAT);
        assert_true(status != SJ_OK || sj_network_check(&net, &err) == SJ_OK);
        read += status == SJ_OK;
        sj_network_free(&net);
    }
    assert_true(read > 0 && read < 2000);
}

int main(void) {
    const struct CMUnitTest tests[] = {IN_FOLDER(rows_are_convolutions_of_their_own), IN_FOLDER(products_are_convolutions_of_one_tap), IN_FOLDER(titles_may_be_written_otherwise),
                                       IN_FOLDER(errors_name_the_place), IN_FOLDER(sizes_that_do_not_fit_are_refused),
                                       IN_FOLDER(damage_is_an_error_or_harmless)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
