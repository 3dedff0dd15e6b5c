import type { Protections } from "./protection";

/** Which users meet canary. */
export const traffic: Protections = {
  "lib/traffic.py": [
    [
      "a new version begins at the first share",
      "    if split is None or split.version != canary.app_version:",
      "    if split is None:",
      "test_traffic.py::test_the_split_follows_what_the_environments_serve[a new version in canary]",
    ],
    [
      "a new image of a version begins at the first share",
      '    if split.digest not in ("", canary.digest):',
      "    if False:",
      "test_traffic.py::test_the_split_follows_what_the_environments_serve[a new image of the same version in canary]",
    ],
    [
      "a version that production serves is no canary",
      "(production and canary.digest == production.digest)",
      "False",
      "test_shift_traffic.py::test_all_users_meet_production_once_it_serves_the_version",
    ],
    [
      "a share lasts its time",
      " or now - split.since < pause:",
      ":",
      "test_traffic.py::test_each_step_lasts_its_time_and_the_last_one_for_ever[percents0-299-wanted0]",
    ],
    [
      "a version that was withdrawn stays withdrawn",
      "    if not split.percent or not larger",
      "    if not larger",
      "test_traffic.py::test_a_version_that_was_withdrawn_comes_back_to_nobody",
    ],
    [
      "nobody meets a version that was withdrawn",
      "        return 0 if self.withdrawn or self.paused else self.percents[-1]",
      "        return 0 if self.paused else self.percents[-1]",
      "test_traffic.py::test_a_version_that_was_withdrawn_comes_back_to_nobody",
    ],
    [
      "who met a version stays with it",
      `        {"matches": _carries(split, canary), **plain, "backendRefs": [_reference(canary, 1)]},\n`,
      "",
      "test_traffic.py::test_who_met_the_version_stays_with_it_whatever_other_cookies_he_has",
    ],
    [
      "those who met production before are drawn by what is still missing",
      "draw(split.percent - earlier, 100 - earlier,",
      "draw(split.percent, 100,",
      "test_traffic.py::test_of_those_who_met_production_before_so_many_are_drawn_that_the_share_of_all_is_todays",
    ],
    [
      "a cookie of another version counts for nothing",
      "{COOKIE}={re.escape(",
      "{COOKIE}={str(",
      "test_traffic.py::test_a_cookie_of_another_version_counts_nothing[gourmetgram-version=canary.1x0.7-fullmatch]",
    ],
    [
      "a cookie of another version counts for nothing at a gateway that reads a part of the header",
      `(;.*)?$"`,
      `(;.*)?"`,
      "test_traffic.py::test_a_cookie_of_another_version_counts_nothing[gourmetgram-version=canary.1.0.77-search]",
    ],
    [
      "a cookie whose name ends alike counts for nothing at such a gateway",
      `rf"^(`,
      `rf"(`,
      "test_traffic.py::test_a_cookie_of_another_version_counts_nothing[my-gourmetgram-version=canary.1.0.7-search]",
    ],
    [
      "canary gets copies only while users meet its version",
      `        return [{**plain, "backendRefs": [_reference(production, 1)]}]\n`,
      `        return [{"filters": [_AS_PEOPLE, _mirror(canary)], "backendRefs": [_reference(production, 1)]}]\n`,
      "test_traffic.py::test_a_version_that_was_withdrawn_comes_back_to_nobody",
    ],
    [
      "who comes in at the gateway counts as a user",
      `{"remove": [constants.PROBE_HEADER]}`,
      `{"remove": []}`,
      "test_traffic.py::test_no_user_of_the_gateway_is_counted_as_the_pipeline[None]",
    ],
    [
      "a header that a person lets through is taken away again",
      `str(share), headers`,
      `str(share), ""`,
      "test_traffic.py::test_a_header_that_a_person_lets_through_is_another_shape[changed1]",
    ],
    [
      "copies that a person took away are put right",
      `            tuple(_filter_shape(found) for found in rule.get("filters", [])),\n`,
      "",
      "test_shift_traffic.py::test_copies_that_a_person_took_away_are_put_right_and_told",
    ],
    [
      "what the gateway said of an earlier route counts no more",
      "            if is_of_today and",
      "            if",
      "test_traffic.py::test_a_route_that_it_takes_or_has_not_yet_looked_at_is_not_refused[route2]",
    ],
    [
      "a change that was not read is not overwritten",
      `, "resourceVersion": version}`,
      "}",
      "test_traffic.py::test_a_change_names_what_it_changes_so_that_no_other_change_is_lost",
    ],
  ],
  "lib/alarms.py": [
    [
      "a version that runs badly in production loses its pass",
      `    return Check("crash", "fail", crash) if crash else errors(`,
      "    return errors(",
      "test_alarms.py::test_a_version_that_runs_out_of_memory_loses_its_pass_and_goes_on_serving",
    ],
    [
      "an app that is asked for too much says nothing of its model",
      "if status != BUSY}",
      "if True}",
      "test_alarms.py::test_an_app_that_is_busy_few_errors_and_few_answers_take_no_pass[503-300-400]",
    ],
    [
      "a dry run takes no pass",
      "        if found.dry_run:",
      "        if False:",
      "test_alarms.py::test_a_bar_that_is_only_tried_takes_no_pass_and_an_event_says_so",
    ],
    [
      "a canary that a gateway leads to is judged by its watch",
      "    if is_watched_by_gateway(environment):",
      "    if False:",
      "test_alarms.py::test_the_watch_of_a_gateway_judges_canary_itself",
    ],
    [
      "a pass is withdrawn once",
      "        if model_registry.get(release.served.number).is_withdrawn:",
      "        if False:",
      "test_alarms.py::test_it_is_told_once",
    ],
  ],
  "lib/model_registry.py": [
    [
      "canary goes back although MLflow lost what production serves",
      `    except Missing:
        drop_alias(name)`,
      `    except KeyError:
        drop_alias(name)`,
      "test_abort_canary.py::test_canary_goes_back_to_a_version_that_mlflow_lost",
    ],
  ],
  "lib/gateway.py": [
    [
      "a route that the gateway refuses is told",
      "    if refusal:",
      "    if False:",
      "test_shift_traffic.py::test_a_route_that_the_gateway_refuses_is_told_once_and_the_look_goes_on",
    ],
    [
      "a dry run of the restarts takes no user away",
      " and not crash.dry_run:",
      ":",
      "test_figures.py::test_a_dry_run_of_the_restarts_is_said_and_decides_nothing[True]",
    ],
    [
      "a version that MLflow loses in this moment is taken out of canary",
      `    except model_registry.Missing:
        print(f"MLflow no longer has version {version}.", flush=True)`,
      `    except KeyError:
        print(f"MLflow no longer has version {version}.", flush=True)`,
      "test_abort_canary.py::test_a_version_that_is_deleted_in_this_moment_is_taken_out_all_the_same",
    ],
    [
      "a withdrawn version loses its pass, whatever takes its place",
      "            leave_withdrawn(split, production.served)",
      "            pass",
      "test_shift_traffic.py::test_a_withdrawn_version_that_another_one_took_the_place_of_loses_its_pass",
    ],
    [
      "a version that went to production keeps its pass",
      "    if production.app_version != split.version:",
      "    if True:",
      "test_shift_traffic.py::test_a_withdrawn_version_that_production_serves_keeps_its_pass",
    ],
    [
      "what keeps changing the route is told once, whatever the figures are",
      `wanted and wanted._replace(analysis="")`,
      "wanted",
      "test_shift_traffic.py::test_a_route_that_something_keeps_changing_is_put_right_each_time_and_told_once",
    ],
    [
      "weights that a person wrote are told, whatever else changes",
      "    elif not is_as_split_says:",
      "    elif split == wanted:",
      "test_shift_traffic.py::test_weights_that_a_person_wrote_are_told_where_the_split_changes_too",
    ],
    [
      "no user meets a canary that is between two releases",
      "    if canary is None:",
      "    if False:",
      "test_shift_traffic.py::test_no_user_meets_a_canary_that_is_between_two_releases",
    ],
    [
      "a version that is in canary no more is not taken out of it",
      " and canary.served.app_version == split.version\n    return split if is_there",
      "\n    return split if is_there",
      "test_abort_canary.py::test_canary_stays_where_it_runs_another_version_by_now",
    ],
    [
      "a version that is ill loses its users on its way to production, too",
      "    if canary is None:",
      "    if canary is None or production is None:",
      "test_shift_traffic.py::test_no_user_meets_a_version_that_fails_on_its_way_to_production",
    ],
    [
      "figures are not compared while production is between two releases",
      "    if production is None:",
      "    if False:",
      "test_shift_traffic.py::test_the_share_stays_while_a_version_is_on_its_way_to_production",
    ],
    [
      "a version that is ill loses its users",
      `    if crash and crash.verdict == "fail" and not crash.dry_run:`,
      "    if False:",
      "test_shift_traffic.py::test_no_user_meets_a_version_that_runs_out_of_memory",
    ],
    [
      "a version without a ready pod has no users",
      "    if canary.served.digest not in pods.running_digests(listed):",
      "    if False:",
      "test_shift_traffic.py::test_no_user_meets_a_version_without_a_ready_pod_for_the_time_being[starting]",
    ],
    [
      "users meet it again once a pod is ready",
      "    if split.paused:",
      "    if False:",
      "test_shift_traffic.py::test_users_meet_it_again_once_a_pod_is_ready_and_the_share_lasts_its_time_anew",
    ],
    [
      "a freeze holds the share",
      "    if freeze.reason():",
      "    if False:",
      "test_figures.py::test_a_freeze_holds_the_share_whatever_its_figures_are",
    ],
    [
      "a version whose figures are beyond a bar loses its users",
      `    if judged and judged.verdict == "fail":`,
      "    if False:",
      "test_figures.py::test_a_freeze_keeps_no_user_at_a_version_whose_figures_fail",
    ],
    [
      "a share stays while there is no verdict",
      `    if judged and judged.verdict != "pass":`,
      "    if False:",
      "test_figures.py::test_the_share_stays_while_there_is_no_verdict[inconclusive]",
    ],
    [
      "a share stays while there are too few requests",
      "        return figures.probe(settings, split, production)",
      "        split = figures.probe(settings, split, production)\n        judged = None",
      "test_figures.py::test_pictures_are_sent_where_users_send_too_few_and_the_same_to_both",
    ],
    [
      "weights that a person wrote are put right",
      "    if split == wanted and is_as_split_says:",
      "    if split == wanted:",
      "test_shift_traffic.py::test_weights_that_a_person_wrote_are_put_right_and_told",
    ],
    [
      "the record says nothing of another version's answers",
      "return split if split and split.version == app_version else None",
      "return split",
      "test_promote.py::test_the_record_says_nothing_where_nothing_was_compared_of_this_version[split1]",
    ],
    [
      "a gateway that is away fails no promotion",
      "    except (StepFailed, Unavailable) as failure:",
      "    except StepFailed as failure:",
      "test_promote.py::test_a_gateway_that_is_away_fails_no_promotion",
    ],
  ],
  "lib/answers.py": [
    [
      "a pod that cannot be asked is no error",
      "        except http_client.Unreachable as error:",
      "        except KeyError as error:",
      "test_copies.py::test_a_pod_that_cannot_be_asked_is_no_error_and_hides_no_other",
    ],
    [
      "a pod of another version is not judged",
      ` if said["model_version"] == version else []`,
      "",
      "test_drift.py::test_a_pod_of_another_version_does_not_count",
    ],
  ],
  "lib/copies.py": [
    [
      "a copy is counted once",
      "        if after < answer.at <= until and request in originals",
      "        if answer.at <= until and request in originals",
      "test_copies.py::test_a_look_adds_what_is_new_of_all_pods_and_counts_no_request_twice",
    ],
    [
      "a request whose id was given twice is not compared",
      " and times[answer.request] == 1}",
      "}",
      "test_copies.py::test_what_has_no_original_of_its_own_is_not_compared[canary5-production5]",
    ],
  ],
  "lib/prometheus.py": [
    [
      "answers without a prediction say nothing of a model",
      `f',path=~"{constants.PREDICTION_PATHS}"'`,
      `""`,
      "test_figures.py::test_who_asks_for_the_version_alone_makes_no_verdict",
    ],
  ],
  "lib/figures.py": [
    [
      "pictures of users are not compared with those of the pipeline",
      "    if min(canary.predictions, other.predictions) < least:",
      "    if False:",
      "test_figures.py::test_the_pipelines_pictures_are_not_compared_with_those_of_users",
    ],
    [
      "the sentence has Prometheus' complaint of a metric's query",
      "        return str(reason)",
      "        return None",
      "test_figures.py::test_a_metric_whose_query_prometheus_refuses_holds_the_share_and_says_why[422]",
    ],
    [
      "a Prometheus that is away is no verdict",
      `        result = Result("inconclusive", f"{UNKNOWN}{reason}")`,
      `        result = Result("pass", f"{UNKNOWN}{reason}")`,
      "test_figures.py::test_the_share_stays_while_there_is_no_verdict[away]",
    ],
    [
      "no more pictures are sent than are needed",
      "[: max(0, left)]",
      "",
      "test_figures.py::test_no_more_pictures_are_sent_than_requests_are_needed_for_each_share",
    ],
    [
      "each picture that is sent is marked",
      "**constants.ANALYSIS_PROBE, ",
      "",
      "test_figures.py::test_pictures_are_sent_where_users_send_too_few_and_the_same_to_both",
    ],
  ],
  "lib/analysis.py": [
    [
      "too few requests never pass",
      "    if canary.requests < least:",
      "    if False:",
      "test_analysis.py::test_too_few_requests_are_no_verdict[none-99]",
    ],
    [
      "too few predictions are compared with nothing",
      " < needed(settings):",
      " < 0:",
      "test_analysis.py::test_too_few_predictions_of_production_are_no_verdict",
    ],
    [
      "a dry run decides nothing",
      "[check for check in checks if not check.dry_run]",
      "list(checks)",
      "test_analysis.py::test_a_dry_run_is_said_and_decides_nothing[success]",
    ],
    [
      "what is no count is no verdict",
      "math.isfinite(value) and value >= 0",
      "True",
      "test_analysis.py::test_what_is_no_count_is_no_verdict[-1.0]",
    ],
    [
      "one bad look at a metric takes no user away",
      "        if measured.failures < metric.failure_limit:",
      "    if False:",
      "test_figures.py::test_a_metric_counts_its_failures_over_several_looks",
    ],
    [
      "a metric is measured as often as it must be before it passes",
      "    elif measured.taken < metric.count:",
      "    elif False:",
      "test_figures.py::test_a_share_lasts_until_a_metric_was_measured_often_enough_at_it",
    ],
    [
      "what was measured at an earlier share counts no more",
      "earlier if earlier.at > since else earlier._replace(taken=0)",
      "earlier",
      "test_figures.py::test_a_share_lasts_until_a_metric_was_measured_often_enough_at_it",
    ],
    [
      "a metric rests for its interval",
      "    return now - earlier.at >= metric.interval",
      "    return True",
      "test_figures.py::test_a_metric_with_an_interval_is_not_measured_at_each_look",
    ],
    [
      "a metric that failed has not become good while it rests",
      "    if measured.failures:",
      "    if measured.failures and measured.at == 0:",
      "test_analysis.py::test_until_then_its_last_measurement_counts[bad too often]",
    ],
    [
      "a container ends no more often than the stack allows",
      '"fail" if times > bar.value else "pass"',
      '"pass"',
      "test_figures.py::test_users_leave_a_version_whose_container_ended_more_often[1-0]",
    ],
    [
      "a container may end as often as the stack allows",
      '"fail" if times > bar.value else "pass"',
      '"fail"',
      "test_figures.py::test_a_container_may_end_as_often_as_the_stack_allows",
    ],
  ],
  "steps/shift_traffic.py": [
    [
      "a version is watched at the largest share, too",
      "split is None or split.withdrawn or",
      "split is None or split.withdrawn or split.percent >= settings.steps[-1] or",
      "test_shift_traffic.py::test_it_watches_at_the_largest_share_too_until_no_version_is_left[left1]",
    ],
    [
      "a watch ends when the stack's settings have changed",
      "if written() != begun_with:",
      "if False:",
      "test_shift_traffic.py::test_it_ends_when_the_settings_have_changed_so_that_the_next_watch_goes_by_them",
    ],
    [
      "a watch ends before its time is up",
      "clock() + INTERVAL > until",
      "clock() > until",
      "test_shift_traffic.py::test_a_watch_ends_before_its_time_is_up_and_the_next_run_goes_on",
    ],
    [
      "a pod that takes the place of a lost one gets no more time",
      `inputs.time("WATCH_BEGAN")`,
      "time.time()",
      "test_shift_traffic.py::test_the_time_of_a_watch_counts_from_the_beginning_of_its_workflow",
    ],
  ],
  "steps/restore.py": [
    [
      "the gateway's route follows what was restored",
      "        gateway.try_put_right(target)\n",
      "",
      "test_restore.py::test_the_gateways_route_follows_what_was_restored",
    ],
  ],
  "steps/abort_canary.py": [
    [
      "the time to restore is told",
      "    restore_time.tell(began, [settings.canary.environment])\n",
      "",
      "test_abort_canary.py::test_canary_is_back_on_what_production_serves_and_the_record_says_why",
    ],
    [
      "canary stays where its version is not withdrawn",
      "    if settings is None or split is None:",
      "    if settings is None:",
      "test_abort_canary.py::test_canary_stays_where_its_version_is_not_withdrawn",
    ],
    [
      "what production serves by now stays in canary",
      "    if canary and canary.served == production.served:",
      "    if False:",
      "test_abort_canary.py::test_a_version_that_went_to_production_meanwhile_stays_in_both",
    ],
    [
      "nothing is promoted or reverted to a version that was withdrawn",
      "        gateway.withdraw_pass(split)\n",
      "",
      "test_abort_canary.py::test_its_pass_is_withdrawn_so_that_nothing_goes_back_to_it",
    ],
    [
      "canary holds what it is back on",
      "        last_release.hold(canary, good)\n",
      "",
      "test_abort_canary.py::test_canary_is_back_on_what_production_serves_and_the_record_says_why",
    ],
  ],
  "lib/inputs.py": [
    [
      "a stack of an earlier release is judged too",
      `settings_of(found["analysis"]) if "analysis" in found else analysis()`,
      "analysis()",
      "test_figures.py::test_a_stack_of_an_earlier_release_is_judged_too",
    ],
    [
      "the shares are ascending",
      "        and list(steps) == sorted(set(steps))\n",
      "",
      "test_shift_traffic.py::test_a_setting_that_says_nothing_is_refused[settings3]",
    ],
  ],
};
