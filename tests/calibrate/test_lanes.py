# SPDX-License-Identifier: Apache-2.0
"""A lane's energies by transition, on made-up arrays. Usage: test_lanes.py SOURCE_FOLDER"""
import collections
import sys
import unittest

from helper import seeded  # first: it says where the modules are

import numpy  # noqa: E402

import lanes  # noqa: E402
from bench import GROUPS, Measured  # noqa: E402
from operands import Issue  # noqa: E402

One = collections.namedtuple("One", "state")


def issues(states):
    return [One(s) for s in states]


def entry(pj, n=1):
    return {"pj": pj, "n": n}


class ByIssue(unittest.TestCase):
    def test_each_stage_is_counted_for_the_issue_that_caused_it(self):
        """Two issues, four cycles; every figure is another power of two, so that the sum tells which were taken."""
        energies = numpy.zeros((4, GROUPS))
        energies[:, :3] = [[1, 2, 4], [8, 16, 32], [64, 128, 256], [512, 1024, 2048]]
        energies[:, 3] = 1e6  # no stage of an issue
        self.assertEqual(list(lanes.by_issue(Measured(energies, None), 2)), [1 + 16 + 256, 8 + 128 + 2048])

    def test_stages_are_those_of_the_ports(self):
        """lane_rows shows an issue's operands in three consecutive cycles: what hangs on them has the stage of that cycle."""
        group = dict(lanes.STAGES)
        rows = lanes.lane_rows([Issue(3, 5, "A")], 1)
        self.assertEqual(len(rows), 3)
        for cycle, row in enumerate(rows):
            for port in set(row) - {"issue_i", "multiply_i", "add_i", "gate_i"}:
                self.assertEqual(group[port], cycle, port)
        self.assertEqual([(row["issue_i"], row["multiply_i"], row["add_i"]) for row in rows], [(1, 0, 0), (0, 1, 0), (0, 0, 1)])


class Tables(unittest.TestCase):
    def test_transitions_by_hand(self):
        """The first issue has none before it. Of 3 and 5: mean 4, standard deviation sqrt(2), standard error 1."""
        found = lanes.transitions(issues("AAAbA"), [100.0, 3.0, 5.0, 2.0, 7.0])
        self.assertEqual(list(found), ["AA", "Ab", "bA"])
        self.assertEqual({pair: (t["pj"], t["n"]) for pair, t in found.items()}, {"AA": (4.0, 2), "Ab": (2.0, 1), "bA": (7.0, 1)})
        self.assertAlmostEqual(found["AA"]["se"], 1.0)
        self.assertIsNone(found["Ab"]["se"])

    def test_pooled_by_hand(self):
        """a and b are one class."""
        found = lanes.pooled(issues("AabAn"), [9.0, 1.0, 2.0, 3.0, 4.0], {"active": "A", "zero": "ab", "nothing": "n"})
        self.assertEqual({pair: (t["pj"], t["n"]) for pair, t in found.items()}, {"active>zero": (1.0, 1), "zero>zero": (2.0, 1), "zero>active": (3.0, 1), "active>nothing": (4.0, 1)})
        found = lanes.pooled(issues("aabb"), [9.0, 1.0, 2.0, 6.0], {"zero": "ab"})
        self.assertEqual((found["zero>zero"]["pj"], found["zero>zero"]["n"]), (3.0, 3))

    def test_pairs_are_counted_in_order(self):
        self.assertEqual(lanes.pair_counts(issues("AAbAAbb")), {"AA": 2, "Ab": 2, "bA": 1, "bb": 1})
        self.assertEqual(lanes.pair_counts(issues("A")), {})

    def test_prediction_is_the_mean_by_counts(self):
        table = {"AA": entry(10.0, 50), "Ab": entry(2.0, 1), "bb": entry(1.0)}
        self.assertEqual(lanes.predict({"AA": 3, "Ab": 1}, table), (3 * 10.0 + 2.0) / 4)
        self.assertIsNone(lanes.predict({"AA": 3, "bA": 1}, table))

    def test_merged_tables_weigh_by_samples(self):
        found = lanes.merged([{"AA": entry(2.0, 1), "Ab": entry(7.0, 4)}, {"AA": entry(5.0, 2)}])
        self.assertEqual(found, {"AA": entry(4.0, 3), "Ab": entry(7.0, 4)})
        self.assertEqual(lanes.merged([]), {})


class Predictions(unittest.TestCase):
    def streams(self):
        """Two dense streams, a gated one, two that skip."""
        stream = lambda machine, pairs, own, table: {"machine": machine, "pairs": pairs, "own_table": own, "transitions": table}
        return [stream("dense", {"AA": 1, "Ab": 1}, {"AA": entry(20.0), "Ab": entry(10.0), "bb": entry(2.0)}, {"AA": entry(21.0, 1), "Ab": entry(11.0, 1)}),
                stream("dense", {"AA": 3}, {"AA": entry(30.0)}, {"AA": entry(31.0, 2), "Ab": entry(13.0, 3)}),
                stream("gated", {"AA": 1, "bb": 1}, {"AA": entry(24.0), "bb": entry(4.0)}, {"AA": entry(25.0), "bb": entry(5.0)}),
                stream("skip", {"AA": 1, "bA": 1}, {"AA": entry(40.0), "Ab": entry(1.0)}, {"AA": entry(41.0, 1), "bA": entry(51.0, 2)}),
                stream("skip", {"AA": 2, "bA": 2}, {"AA": entry(60.0), "bA": entry(50.0)}, {"AA": entry(61.0, 2), "bA": entry(71.0, 1)})]

    def predicted(self):
        found = self.streams()
        controlled = lambda active: {"states": {"AA": entry(active), "Ab": entry(active - 1), "bA": entry(active - 2), "bb": entry(active - 3)}}
        lanes.predictions(found, {"dense": controlled(100.0), "gated": controlled(200.0)})
        return found

    def test_of_all_kinds_by_hand(self):
        found = [s["predicted"] for s in self.predicted()]
        self.assertEqual([p["controlled"] for p in found], [(100 + 99) / 2, 100.0, (200 + 197) / 2, (200 + 198) / 2, (200 + 198) / 2])  # gated tables also where zeros are skipped
        self.assertEqual([p["own_values"] for p in found], [15.0, 30.0, 14.0, None, 55.0])  # the fourth has no b>A of its own values
        # Streams of the same machine without the stream itself; the gated one has no other.
        self.assertEqual([p["other_streams"] for p in found], [(31 + 13) / 2, 21.0, None, (61 + 71) / 2, (41 + 51) / 2])
        # An active issue counts as one behind another, a zero as one behind a zero.
        self.assertEqual([p["pure"] for p in found], [(20 + 2) / 2, 30.0, (24 + 4) / 2, 40.0, 60.0])

    def test_pure_streams_need_both_kinds(self):
        streams = self.streams()[:1]
        del streams[0]["own_table"]["bb"]
        lanes.predictions(streams, {"dense": {"states": {}}, "gated": {"states": {}}})
        self.assertEqual(streams[0]["predicted"], {"controlled": None, "own_values": 15.0, "other_streams": None, "pure": None})

    def test_tables_of_own_values_are_not_stored(self):
        self.assertFalse(any("own_table" in s for s in self.predicted()))


class Property(unittest.TestCase):
    def test_streams_made_of_a_table_are_predicted_exactly(self):
        """Energies that are exactly a table's, spread over stages and cycles at random, give back the table; and the table the mean of any other stream."""
        draw = seeded()
        for _ in range(30):
            states = draw.sample(lanes.STATES, draw.randrange(2, len(lanes.STATES) + 1))
            truth = {x + y: draw.uniform(0, 300) for x in states for y in states}
            streams = [[draw.choice(states) for _ in range(draw.randrange(20, 400))] for _ in range(3)]
            energies = [self.spread(draw, [0.0] + [truth[x + y] for x, y in zip(s, s[1:])]) for s in streams]
            tables = [lanes.transitions(issues(s), e) for s, e in zip(streams, energies)]
            for table in tables + [lanes.merged(tables)]:
                for pair, found in table.items():
                    self.assertAlmostEqual(found["pj"], truth[pair], places=9, msg=pair)
            everything = lanes.merged(tables)
            for stream, e, table in zip(streams, energies, tables):
                pairs = lanes.pair_counts(issues(stream))
                self.assertEqual(set(pairs), set(table))
                self.assertAlmostEqual(lanes.predict(pairs, everything), numpy.mean(e[1:]), places=9)
                self.assertIsNone(lanes.predict({**pairs, "??": 1}, everything))

    def spread(self, draw, energies):
        """by_issue of a waveform in which each issue's energy falls in three cycles; what no issue caused is noise."""
        count = len(energies)
        measured = numpy.array([[draw.uniform(0, 9) for _ in range(GROUPS)] for _ in range(count + 2)])
        for i, pj in enumerate(energies):
            low, high = sorted(draw.uniform(0, pj) for _ in range(2))
            measured[i, 0], measured[i + 1, 1], measured[i + 2, 2] = low, high - low, pj - high
        return lanes.by_issue(Measured(measured, None), count)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
