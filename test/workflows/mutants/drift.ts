import type { Protections } from "./protection";

/** When people's pictures are others than those that the model learnt from. */
export const drift: Protections = {
  "lib/drift.py": [
    [
      "a large distance by chance is no drift",
      " and one.p < chance",
      "",
      "test_drift.py::test_a_large_distance_by_chance_and_a_small_one_beyond_it_are_within_the_bar",
    ],
    [
      "a small distance is no drift, however sure it is",
      "one.distance > bar and ",
      "",
      "test_drift.py::test_a_large_distance_by_chance_and_a_small_one_beyond_it_are_within_the_bar",
    ],
    [
      "a drift that is over starts no training",
      "bool(last) and last[-1].over and ",
      "",
      "test_drift.py::test_a_drift_is_two_of_five_and_the_latest[2-True]",
    ],
    [
      "one look is no drift",
      "KEPT, ENOUGH = 5, 2",
      "KEPT, ENOUGH = 5, 1",
      "test_drift.py::test_other_pictures_are_over_the_bar_and_one_look_is_no_drift",
    ],
    [
      "an answer counts once",
      `        and since < one["at"] <= now`,
      "        and True",
      "test_drift.py::test_only_new_answers_of_people_count",
    ],
    [
      "a damaged state starts no training before its time",
      "State(trained=now)",
      "State()",
      "test_drift.py::test_a_damaged_state_is_put_right_at_once",
    ],
  ],
  "steps/watch_data_drift.py": [
    [
      "a look sees more than the last seconds",
      ", sampled=True)",
      ")",
      "test_drift.py::test_pictures_like_those_of_the_training_are_within_the_bar",
    ],
    [
      "a drift starts no training until the last one is long enough ago",
      "    if now - state.trained < settings.cooldown:",
      "    if False:",
      "test_drift.py::test_a_drift_starts_no_training_until_the_last_one_is_long_enough_ago",
    ],
    [
      "a drift starts no training beside another one",
      "    if others:",
      "    if False:",
      "test_drift.py::test_a_drift_starts_no_training_beside_one_that_has_not_ended",
    ],
    [
      "the windows of another version do not count",
      "    if state.version != served.app_version:",
      "    if False:",
      "test_drift.py::test_another_version_begins_anew",
    ],
  ],
};
