import type { Protections } from "./protection";

const stays = (what: string) => `test_retention.py::test_a_training_stays[${what}]`;
const keeps = (what: string) => `test_retention.py::test_what_keeps_a_version[${what}]`;

/** What is never deleted, and where nothing is. */
export const retention: Protections = {
  "lib/retention.py": [
    [
      "a training of these days stays",
      "0 < training.at < facts.now - limits.days * DAY",
      "0 < training.at < facts.now",
      stays("young"),
    ],
    ["a training of unknown age stays", "is_old = 0 < training.at", "is_old = training.at", stays("of unknown age")],
    [
      "a training that may still run stays",
      "training.has_ended or not facts.is_training",
      "True",
      stays("may still run"),
    ],
    ["the training of a version stays", "training.run not in runs and ", "", stays("of a version")],
    [
      "a training stays in whose folder a version has its files",
      " and not _has_files_of_a_version(training, facts)",
      "",
      stays("with the files of a version"),
    ],
    [
      "every training stays while an environment holds a version that is gone",
      "(held | recorded) - known",
      "recorded - known",
      stays("held"),
    ],
    [
      "every training stays while an environment serves a version that is gone",
      "(held | recorded) - known",
      "held - known",
      stays("served, by the record"),
    ],
    [
      "what an environment is told to run stays",
      "(environment.released, *sorted(environment.running))",
      "sorted(environment.running)",
      keeps("told to run"),
    ],
    [
      "what pods still run stays",
      "(environment.released, *sorted(environment.running))",
      "(environment.released,)",
      keeps("its pods"),
    ],
    [
      "what an environment goes back to stays",
      "        if environment.held and environment.held.served.number:",
      "        if False:",
      keeps("last release"),
    ],
    [
      "what has an alias stays",
      "    for alias, number in facts.aliases.items():",
      "    for alias, number in ():",
      keeps("alias"),
    ],
    [
      "what a workflow works on stays",
      "facts.busy | {images",
      "frozenset() | {images",
      keeps("a workflow names the version"),
    ],
    ["what a release was begun with stays", "        if not record.has_ended:", "        if False:", keeps("begun")],
    [
      "what staging can be reverted to stays",
      "[: limits.versions]:",
      "[:0]:",
      "test_retention.py::test_only_the_last_that_passed_stay_where_nothing_is_in_use",
    ],
    [
      "what passed last counts, not what is newest",
      "key=lambda version: version.verdict_order, reverse=True",
      "key=lambda version: int(version.number), reverse=True",
      keeps("passed again, after newer ones"),
    ],
    [
      "what did not pass takes no place of what did",
      "if version.verified_digest and not version.collected]",
      `if "staging.verdict" in version.tags and not version.collected]`,
      "test_retention.py::test_a_version_that_failed_takes_no_place_of_one_that_passed",
    ],
    [
      "what was collected takes no place of what can be gone back to",
      "if version.verified_digest and not version.collected]",
      "if version.verified_digest]",
      "test_retention.py::test_what_was_collected_takes_no_place_either_and_is_not_collected_again",
    ],
    [
      "a release serves until the next one",
      "            if ended is None or ended >= since:",
      "            if record.at >= since:",
      keeps("served until 29 days ago"),
    ],
    [
      "what was just registered stays",
      "        if version.created_at > facts.now - UNDER_TEST or",
      "        if",
      keeps("young"),
    ],
    [
      "a bundle that was just pushed stays",
      "packed_at is not None and packed_at < now - BEING_PUBLISHED",
      "packed_at is not None",
      "test_collect.py::test_a_bundle_stays_that_is_young_or_of_unknown_age[stdout0]",
    ],
    ["a version of unknown age stays", " or not version.created_at:", ":", keeps("of unknown age")],
    [
      "the base that an image is built on again stays",
      "({version.image_base} if version.image_base else set())",
      "set()",
      "test_retention.py::test_the_base_stays_that_an_image_is_built_on_again",
    ],
    [
      "an image stays that something runs, whatever it is",
      ".union(*(one.running for one in environments))",
      "",
      "test_retention.py::test_an_image_stays_that_something_runs_of_which_no_version_is_known",
    ],
    [
      "nothing goes where nobody knows what an environment runs",
      "        if environment.released and not known:",
      "        if False:",
      "test_retention.py::test_nothing_is_collected_where_nobody_knows_what_an_environment_is_told_to_run",
    ],
    [
      "nothing goes where the record is older than what serves",
      "        if is_behind and",
      "        if False and",
      "test_retention.py::test_nothing_is_collected_where_the_record_is_older_than_what_serves[records0]",
    ],
  ],
  "lib/model_registry.py": [
    [
      "the whole record is read",
      `        token = page.get("next_page_token", "")`,
      `        token = ""`,
      "test_collect.py::test_the_whole_record_counts_however_many_pages_it_has",
    ],
    [
      "back to the version that passed last",
      "        return self.verdict_at, int(self.number)",
      `        return "", int(self.number)`,
      "test_revert.py::test_goes_to_the_last_that_passed",
    ],
    [
      "a full volume of MLflow is final",
      "            full_volume.require_room(text, full_volume.MLFLOW)",
      "            pass",
      "test_collect.py::test_a_full_volume_of_mlflow_is_named_and_final",
    ],
  ],
  "lib/release_log.py": [
    [
      "nothing goes where nobody understands the record",
      "    if has_ended and any(words) and",
      "    if False and",
      "test_collect.py::test_where_nobody_understands_the_record_nothing_goes[tags0]",
    ],
  ],
  "steps/collect.py": [
    [
      "a dry run changes nothing",
      "    if is_dry_run:",
      "    if False:",
      "test_collect.py::test_a_dry_run_says_why_and_changes_nothing",
    ],
    [
      "an Application that cannot be read is not one that holds nothing",
      "    if held is None and last_release.ANNOTATION",
      "    if False and last_release.ANNOTATION",
      "test_collect.py::test_where_an_application_is_unreadable_nothing_goes",
    ],
    [
      "pods are looked at",
      "        running |= pods.told_digests(rollout.list_pods(name))",
      "        rollout.list_pods(name)",
      "test_collect.py::test_what_pods_still_run_stays",
    ],
    [
      "what Argo CD sees on another cluster stays",
      "    running = set(argocd.seen_digests(application))",
      "    running = set()",
      "test_collect.py::test_what_argo_cd_sees_on_another_cluster_stays",
    ],
    [
      "the image that serves stays, whatever tags are on it",
      "    protected = set(decision.digests)",
      "    protected = set()",
      "test_collect.py::test_an_image_stays_that_a_tag_of_an_old_version_was_moved_to",
    ],
    [
      "an image stays that a person gave a tag",
      "            protected.add(",
      "            set().add(",
      "test_collect.py::test_an_image_stays_that_a_person_gave_a_tag",
    ],
    [
      "files stay that a kept version needs",
      "    if shared:",
      "    if False:",
      `test_collect.py::test_files_stay_that_a_version_shares_with_one_that_is_kept[0/run7/artifacts/model]`,
    ],
    [
      "only the folder of one run is deleted",
      "    elif _OWN_FOLDER.fullmatch(source):",
      "    elif True:",
      "test_collect.py::test_what_is_no_folder_of_one_run_is_left_alone[mlflow-artifacts:/0/run6]",
    ],
    [
      "the base that a bundle names stays",
      "- others - named -",
      "- others -",
      "test_collect.py::test_the_base_stays_that_a_bundle_names",
    ],
    [
      "a bundle stays that its Application names",
      "if tag in named or not",
      "if not",
      "test_collect.py::test_a_bundle_stays_that_argo_cd_syncs_or_could_go_back_to[status1]",
    ],
    [
      "no bundle goes where the Application names none",
      `    if not application["spec"]["source"].get("targetRevision"):`,
      "    if False:",
      "test_collect.py::test_no_bundle_goes_where_an_application_does_not_say_which_one_it_needs",
    ],
    [
      "an image that was just pushed stays",
      "- others - named -",
      "- named -",
      "test_collect.py::test_an_image_stays_that_was_pushed_and_is_not_used_yet",
    ],
  ],
};
