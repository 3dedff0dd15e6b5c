import type { Protections } from "./protection";

/** What is seen of a candidate, and what it is taken for. */
export const gates: Protections = {
  "lib/verdict.py": [
    [
      "a reason passes through a template unharmed",
      "= verdict, outputs.clean(reason), reached",
      "= verdict, reason, reached",
      "test_gates.py::test_integration_fails_on_a_wrong_answer[answer5]",
    ],
    [
      "a candidate that gave no answer is left to the next gate",
      ` != "pass" and self.reached`,
      ` != "pass"`,
      "test_gates.py::test_integration_cut_off_during_the_test",
    ],
    [
      "a gate that passed leaves it to the next one",
      `        return self.verdict != "pass" and self.reached`,
      "        return self.reached",
      "test_gates.py::test_integration_passes",
    ],
  ],
  "gates/integration.py": [
    [
      "only the version under test is tested",
      `    if not http_client.poll(lambda: rollout.version_of(constants.STAGING) == wanted, wait):`,
      "    if False:",
      "test_gates.py::test_integration_does_not_test_another_version[answer0]",
    ],
    [
      "the version under test answers after the test too",
      `    if rollout.version_of(constants.STAGING) != wanted:
        return fail("the`,
      `    if False:
        return fail("the`,
      "test_gates.py::test_integration_fails_when_another_version_answers_after_the_test",
    ],
    [
      "what the integration gate asks is no person's",
      "headers=constants.PROBE, ",
      "",
      "test_gates.py::test_each_request_of_the_integration_gate_says_that_no_person_sends_it",
    ],
    [
      "an error is no class",
      "    if status != 200:",
      "    if False:",
      "test_gates.py::test_integration_takes_no_class_out_of_an_error",
    ],
    [
      "a class of Food-11 is asked for",
      "    if answer not in constants.FOOD_11:",
      "    if False:",
      "test_gates.py::test_integration_fails_on_a_wrong_answer[answer1]",
    ],
    [
      "a test without an answer has not reached the candidate",
      `        return fail(f"/test gave no answer: {error}", reached=False)`,
      `        return fail(f"/test gave no answer: {error}")`,
      "test_gates.py::test_integration_cut_off_during_the_test",
    ],
  ],
  "gates/resource.py": [
    [
      "a restart that was recovered from is seen",
      "        found = pods.assess(list(seen.values()), digest, strict=True)",
      "        found = pods.assess(list(seen.values()), digest)",
      "test_gates.py::test_resource_fails_on_a_restart_that_was_recovered_from",
    ],
    [
      "each of several pods is judged",
      `        if found.state == "ready" and kind == "ADDED":`,
      "        if False:",
      "test_gates.py::test_resource_judges_each_of_several_pods[oom-recovered-fail]",
    ],
    [
      "a model that was not tried has not failed",
      "    if not found.tried:",
      "    if False:",
      "test_gates.py::test_resource_does_not_judge_another_pod",
    ],
    [
      "a pod that is not ready in time fails",
      "    return fail(reason, **found.metrics)",
      `    return Verdict("pass", reason, **found.metrics)`,
      "test_gates.py::test_resource_fails_on_pending",
    ],
  ],
  "gates/load.py": [
    [
      "a hey that cannot run is no verdict on the model",
      "    if done.returncode != 0:",
      "    if False:",
      "test_gates.py::test_load_that_cannot_run_is_inconclusive",
    ],
    [
      "the load is no person's",
      "for part in [*command, *headers, url]]",
      "for part in [*command, url]]",
      "test_gates.py::test_load_passes",
    ],
    [
      "the figures are judged",
      "    problem = judge_figures(result) or judge_pods(",
      "    problem = judge_pods(",
      "test_gates.py::test_load_fails_with_its_figures[flaky-80 %]",
    ],
    [
      "the pods are judged after the load",
      "judge_figures(result) or judge_pods(before, digest, constants.app_version(version))",
      "judge_figures(result)",
      "test_gates.py::test_load_fails_when_the_pod_does_not_live_through_it[after0]",
    ],
    [
      "a report without answers fails",
      `        return "hey reports no answers and no errors"`,
      "        return None",
      "test_gates.py::test_load_fails_when_hey_counts_nothing",
    ],
    [
      "the success must be over its bar",
      "    if not result.success_percent > needed:",
      "    if not result.success_percent >= needed:",
      "test_gates.py::test_load_must_be_over_its_bar",
    ],
    [
      "a report without its percentile fails",
      `        return "hey reports no 95th percentile"`,
      "        return None",
      "test_gates.py::test_load_fails_with_its_figures[few-no 95th]",
    ],
    [
      "slow answers fail",
      "    if not result.p95_ms < allowed:",
      "    if False:",
      "test_gates.py::test_load_fails_with_its_figures[slow-must be under 2000 ms]",
    ],
    [
      "a kill under load is named",
      `    if found.state == "failing":`,
      "    if False:",
      "test_gates.py::test_load_names_a_kill",
    ],
    [
      "a kill before the load is none under load",
      "    found = pods.assess(now, digest, before=before)",
      "    found = pods.assess(now, digest)",
      "test_gates.py::test_load_does_not_take_an_earlier_end_for_one_under_load",
    ],
    [
      "a restart under load fails",
      " or any(after[pod] > before[pod] for pod in after):",
      ":",
      "test_gates.py::test_load_fails_when_the_pod_does_not_live_through_it[after0]",
    ],
    [
      "a pod that was replaced under load fails",
      "    if set(after) != set(before) or any(after[pod] > before[pod] for pod in after):",
      "    if any(after[pod] > before.get(pod, 0) for pod in after):",
      "test_gates.py::test_load_fails_when_the_pod_does_not_live_through_it[after2]",
    ],
    [
      "a pod that is not ready after the load fails",
      `    if found.state != "ready":`,
      "    if False:",
      "test_gates.py::test_load_fails_when_the_pod_does_not_live_through_it[after3]",
    ],
    [
      "the version under test answers after the load too",
      "    if served != wanted:",
      "    if False:",
      "test_gates.py::test_load_fails_when_another_version_answers_after_it",
    ],
  ],
  "lib/hey.py": [
    [
      "requests without an answer are counted",
      `    errors = sum(int(count) for count in _ERROR.findall(sections.get("Error", "")))`,
      "    errors = 0",
      "test_hey.py::test_recorded[reset]",
    ],
    [
      "success is a share of all requests",
      "round(100 * good / self.total, 2)",
      "round(100 * good / sum(self.codes.values()), 2)",
      "test_hey.py::test_recorded[reset]",
    ],
    ["only 2xx is success", "if 200 <= code < 300)", "if 200 <= code)", "test_hey.py::test_recorded[flaky]"],
    [
      "no answers are no success",
      "if self.total else None",
      "if self.total else 100.0",
      "test_hey.py::test_missing_is_missing[]",
    ],
    [
      "a percentile that is missing is not good",
      "if p95 else None)",
      "if p95 else 0.0)",
      "test_hey.py::test_recorded[few]",
    ],
    ["the 95 % line is read, and no other", `r"^\\s*95%+ in`, `r"^\\s*\\d+%+ in`, "test_hey.py::test_recorded[few]"],
    [
      "a percentile is read from its section",
      `_P95.search(sections.get("Latency", ""))`,
      "_P95.search(report)",
      "test_hey.py::test_missing_is_missing[95% in 0.1 secs]",
    ],
    [
      "hey's seconds are milliseconds here",
      "float(p95.group(1)) * 1000",
      "float(p95.group(1))",
      "test_hey.py::test_percentile_is_in_milliseconds",
    ],
  ],
  "lib/pods.py": [
    [
      "a node that restarts takes nobody's users away",
      " and not _was_asked_to_end(pod)",
      "",
      "test_shift_traffic.py::test_users_keep_a_version_whose_node_restarted_however_often",
    ],
    [
      "a node that restarts does not stop a promotion",
      "    uncounted = {_name(pod): earlier.get(_name(pod), 0) + _was_asked_to_end(pod) for pod in ours}",
      "    uncounted = earlier",
      "test_promote.py::test_an_end_that_was_asked_for_does_not_count[0-Completed-1-True]",
    ],
    [
      "an end that was asked for hides no earlier one",
      "earlier.get(_name(pod), 0) + _was_asked_to_end(pod) for",
      "99 * _was_asked_to_end(pod) for",
      "test_promote.py::test_an_end_that_was_asked_for_does_not_count[0-Completed-37-False]",
    ],
    [
      "only the pods of the digest under test count",
      `return _container(pod).get("image", "").endswith(f"@{digest}")`,
      "return True",
      "test_gates.py::test_resource_does_not_judge_another_pod",
    ],
    [
      "a kill that a restart hides is seen",
      `    states = (status.get("lastState", {}), status.get("state", {}))`,
      `    states = (status.get("state", {}),)`,
      "test_gates.py::test_resource_sees_a_kill_that_a_restart_hides[oom-recovered-2]",
    ],
    [
      "a kill is named",
      `    if any(end.get("reason") == "OOMKilled" for end in (known if is_hopeless else since)):`,
      "    if False:",
      "test_gates.py::test_resource_sees_a_kill_that_a_restart_hides[oom-killed-0]",
    ],
    [
      "a restart counts for the gate",
      "    if strict and ended > 0:",
      "    if False:",
      "test_gates.py::test_resource_fails_on_a_restart_that_was_recovered_from",
    ],
    [
      "a kill before the release does not count",
      "    since = known[-ended:] if ended > 0 else []",
      "    since = known",
      "test_rollout.py::test_a_good_version_whose_pod_was_once_killed_is_reverted_to[oom-recovered]",
    ],
    [
      "a kill after the release began counts",
      "    since = known[-ended:] if ended > 0 else []",
      "    since = []",
      "test_rollout.py::test_a_kill_after_the_release_began_counts",
    ],
    [
      "a pod that is down has ended once more than it restarted",
      `    return status.get("restartCount", 0) + is_down`,
      `    return status.get("restartCount", 0)`,
      "test_rollout.py::test_a_pod_that_is_down_when_the_release_begins_may_come_back",
    ],
    [
      "a pod that the release brought about answers for each of its ends",
      `pod in pods if pod["metadata"]["creationTimestamp"] < began}`,
      "pod in pods}",
      "test_rollout.py::test_a_step_that_runs_again_counts_every_end_of_the_pods_that_its_release_created" +
        "[2026-01-05T00:00:00Z-1]",
    ],
    [
      "a pod that was killed and loops now is named a kill",
      "for end in (known if is_hopeless else since)):",
      "for end in since):",
      "test_rollout.py::test_a_crash_loop_is_one_whatever_came_before[oom-looping-OOMKilled]",
    ],
    [
      "an end in the second of the promotion counts",
      `if "" < _last_change(pod) < instant}`,
      `if "" < _last_change(pod) <= instant}`,
      "test_promote.py::test_what_ended_before_it_was_promoted_there_does_not_count" +
        "[oom-recovered-2026-01-01T00:00:00Z-2026-01-01T00:00:00Z-False]",
    ],
    [
      "an end before the promotion does not count",
      "earlier.get(_name(pod), 0) + _was_asked_to_end(pod) for pod in ours}",
      "0 for pod in ours}",
      "test_promote.py::test_what_ended_before_it_was_promoted_there_does_not_count" +
        "[oom-recovered-2025-12-31T23:59:59Z-2026-01-01T00:00:00Z-True]",
    ],
    [
      "a source that restarted and recovered is not in health",
      "return assess(ours, digest, strict=True, before=",
      "return assess(ours, digest, before=",
      "test_promote.py::test_only_what_the_source_has_run_in_health[one ready, another restarted once]",
    ],
    [
      "a source has all its pods",
      " if running < replicas else None",
      " if False else None",
      "test_promote.py::test_only_what_the_source_has_run_in_health[fewer than the Deployment's replicas]",
    ],
    [
      "a candidate beside it says nothing of the source's health",
      "    ours = [pod for pod in pods if runs(pod, digest)]  #",
      "    ours = list(pods)  #",
      "test_promote.py::test_a_candidate_beside_it_says_nothing_of_its_health",
    ],
    [
      "a crash loop is hopeless",
      `    "CrashLoopBackOff",
`,
      "",
      "test_rollout.py::test_a_crash_loop_is_not_waited_for",
    ],
    [
      "an image that no pod came to run was not tried",
      ", tried=bool(ended))",
      ")",
      "test_gates.py::test_resource_does_not_judge_another_pod",
    ],
    [
      "an image that could not be pulled was not tried",
      "tried = all(_has_run(pod) or _unschedulable(pod) for pod in pending)",
      "tried = True",
      "test_gates.py::test_resource_does_not_blame_the_model_for_the_registry",
    ],
    [
      "a pod that no node takes was tried",
      "_has_run(pod) or _unschedulable(pod) for",
      "_has_run(pod) for",
      "test_gates.py::test_resource_fails_on_pending",
    ],
    [
      "a pod that ended is not waited for",
      ` or pod.get("status", {}).get("phase") in ("Failed", "Succeeded")`,
      "",
      "test_deploy.py::test_pods_that_ended_do_not_stand_in_the_way[ended0]",
    ],
    [
      "a pod that leaves serves no more",
      `return "deletionTimestamp" in pod["metadata"] or `,
      "return ",
      "test_promote.py::test_promotes[staging-canary]",
    ],
    [
      "a source runs only what is ready",
      ` and _status(pod).get("ready")]`,
      "]",
      "test_promote.py::test_only_what_the_source_runs[running2]",
    ],
    [
      "a pod that is not ready is waited for",
      "    if pending:",
      "    if False:",
      "test_deploy.py::test_says_what_it_waited_for",
    ],
    [
      "a pod of the previous image is waited for",
      "    if others:",
      "    if False:",
      "test_deploy.py::test_the_first_of_a_list_is_not_taken_for_all",
    ],
  ],
  "lib/rollout.py": [
    [
      "a look at the version is no person's",
      "headers=constants.PROBE, ",
      "",
      "test_gates.py::test_each_request_of_the_integration_gate_says_that_no_person_sends_it",
    ],
    [
      "a sync that Argo CD gave up is tried again",
      "        patch(environment, REFRESH | FORGET_SYNC)",
      "        pass",
      "test_restore.py::test_a_sync_that_argo_cd_gave_up_is_tried_again_and_no_other",
    ],
    [
      "a sync that is at work is left alone",
      "    if argocd.has_given_up(application(environment)):",
      "    if True:",
      "test_restore.py::test_changes_nothing_where_all_is_well",
    ],
    [
      "the version must answer",
      "    if not http_client.poll(matches, deadline - time.monotonic()):",
      "    if False:",
      "test_rollout.py::test_a_version_that_does_not_answer_is_not_deployed",
    ],
    [
      "the first pod of a list is not taken for all",
      `        if found.state == "ready" and kind == "ADDED":`,
      "        if False:",
      "test_deploy.py::test_the_first_of_a_list_is_not_taken_for_all",
    ],
    [
      "what cannot come true is not waited for",
      `        if found.state == "failing":`,
      "        if False:",
      "test_rollout.py::test_a_crash_loop_is_not_waited_for",
    ],
    [
      "a stream that begins anew forgets what went",
      `            seen = {}
            continue`,
      "            continue",
      "test_rollout.py::test_a_stream_that_begins_anew_forgets_what_went",
    ],
    [
      "pods on another cluster are not looked for here",
      "    is_remote = environment in inputs.remote_environments()",
      "    is_remote = False",
      "test_argocd.py::test_promotes_to_it_when_argo_cd_has_settled",
    ],
    [
      "what a source on another cluster runs is asked of Argo CD",
      `    if environment in inputs.remote_environments():
        return argocd.running`,
      `    if False:
        return argocd.running`,
      "test_argocd.py::test_promotes_from_it_what_argo_cd_sees_there",
    ],
    [
      "what was before the release is seen before it begins",
      `    before = ends_before_release(environment)
    override(environment, images)`,
      `    override(environment, images)
    before = {}`,
      "test_rollout.py::test_a_good_version_whose_pod_was_once_killed_is_reverted_to[oom-recovered]",
    ],
    [
      "what was before the release is no news of a listed pod either",
      "found = pods.assess(list_pods(environment), digest, before=before)",
      "found = pods.assess(list_pods(environment), digest)",
      "test_rollout.py::test_a_good_version_whose_pod_was_once_killed_is_reverted_to[oom-recovered]",
    ],
    [
      "Argo CD is asked again while nothing happens",
      "            patch(environment, REFRESH)",
      "            pass",
      "test_deploy.py::test_argo_cd_is_asked_again_while_nothing_happens",
    ],
    [
      "a reason stands when Argo CD cannot be asked",
      "    except (StepFailed, Unavailable) as failure:  #",
      "    except StepFailed as failure:  #",
      "test_deploy.py::test_reason_stands_when_argo_cd_cannot_be_asked[no-such-host]",
    ],
    [
      "a reason stands when Argo CD may not be asked",
      "    except (StepFailed, Unavailable) as failure:  #",
      "    except Unavailable as failure:  #",
      "test_deploy.py::test_reason_stands_when_argo_cd_cannot_be_asked[forbidden]",
    ],
    [
      "an image is named by its digest",
      `    return [f"{constants.APP_IMAGE}={repository()}@{digest}"]`,
      `    return [f"{constants.APP_IMAGE}={repository()}:latest"]`,
      "test_deploy.py::test_waits_for_the_new_pod_alone",
    ],
  ],
  "lib/argocd.py": [
    [
      "only what Argo CD has brought about counts",
      ` and sync.get("status") == "Synced"`,
      "",
      "test_argocd.py::test_promotes_nothing_else_from_it[out of sync]",
    ],
    [
      "only what is healthy counts",
      ` and health.get("status") == "Healthy"`,
      "",
      "test_argocd.py::test_promotes_nothing_else_from_it[progressing]",
    ],
    [
      "what Argo CD says of the release before is nothing of this one",
      "    return told and sync",
      "    return sync",
      "test_argocd.py::test_promotes_nothing_else_from_it[compared with the release before]",
    ],
    [
      "what has not settled runs nothing",
      "    return seen_digests(application) if _is_settled(application) else []",
      "    return seen_digests(application)",
      "test_argocd.py::test_an_unsettled_application_tells_nothing",
    ],
    [
      "no other image is left beside the one that was told",
      "    if running_digests(application) == [digest]:",
      "    if digest in running_digests(application):",
      "test_argocd.py::test_what_argo_cd_says_is_judged[with another beside it]",
    ],
    [
      "a health of the image before is waited out",
      `    return Assessment("waiting", f"Argo`,
      `    return Assessment("failing" if health == "Degraded" else "waiting", f"Argo`,
      "test_argocd.py::test_what_argo_cd_says_is_judged[degraded of the image before]",
    ],
    [
      "the images of others are none of the app",
      "if constants.APP_IMAGE in image and ",
      "if ",
      "test_argocd.py::test_the_images_of_others_are_none_of_the_app",
    ],
  ],
  "steps/run_gate.py": [
    [
      "only a gate whose module is there is asked",
      `inputs.choice("GATE", gate_verdicts.names())`,
      `inputs.raw("GATE")`,
      "test_gates.py::test_only_a_gate_whose_module_is_there[../load]",
    ],
    [
      "a gate that cannot be loaded is inconclusive",
      `lambda version, digest: import_module(f"gates.{name}").check(version, digest)`,
      `import_module(f"gates.{name}").check`,
      "test_one_more_gate.py::test_that_is_broken_is_inconclusive[import nothing_of_this_name]",
    ],
    [
      "a check that breaks leaves a verdict",
      "    except Exception as error:",
      "    except ZeroDivisionError as error:",
      "test_gates.py::test_settings_that_make_no_sense_never_pass",
    ],
    [
      "a check that breaks is no pass",
      `verdict = Verdict("inconclusive", f"the {gate} check itself broke`,
      `verdict = Verdict("pass", f"the {gate} check itself broke`,
      "test_gates.py::test_settings_that_make_no_sense_never_pass",
    ],
    [
      "a cluster that is unreachable is no verdict",
      "    except Unavailable:",
      "    except ZeroDivisionError:",
      "test_gates.py::test_a_cluster_that_does_not_answer_is_no_verdict",
    ],
    [
      "a verdict stands without MLflow",
      '    except (StepFailed, Unavailable) as failure:\n        print(f"Not recorded',
      '    except StepFailed as failure:\n        print(f"Not recorded',
      "test_gates.py::test_a_verdict_stands_without_mlflow",
    ],
    [
      "a verdict stands when MLflow refuses it",
      '    except (StepFailed, Unavailable) as failure:\n        print(f"Not recorded',
      '    except Unavailable as failure:\n        print(f"Not recorded',
      "test_gates.py::test_a_verdict_stands_where_mlflow_does_not_take_it",
    ],
  ],
};
