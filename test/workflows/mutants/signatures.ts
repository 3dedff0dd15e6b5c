import type { Protections } from "./protection";

/** What is signed, and what is taken for signed. */
export const signatures: Protections = {
  "lib/dsse.py": [
    [
      "only a key that counts vouches",
      `        if named in ("", id_of_key)`,
      "        if True",
      "test_statement.py::test_the_signature_of_another_key_does_not_count",
    ],
    [
      "a signature is of this content",
      "    if not any(_matches(key, signature, signed) for signature, key in known):",
      "    if False:",
      "test_statement.py::test_what_was_changed_afterwards_does_not_count",
    ],
    [
      "what is signed says what kind it is",
      "    if named != payload_type:",
      "    if False:",
      "test_statement.py::test_a_statement_of_another_kind_or_payload_is_not_taken_for_this_one",
    ],
  ],
  "lib/statement.py": [
    [
      "one statement is not taken for another",
      "    if kind != predicate_type:",
      "    if False:",
      "test_statement.py::test_a_statement_of_another_kind_or_payload_is_not_taken_for_this_one",
    ],
    [
      "a statement is about one thing",
      "    if not is_understood:",
      "    if False:",
      "test_statement.py::test_what_is_signed_and_no_statement_about_one_thing_is_refused[content12]",
    ],
    [
      "the same statement is signed the same",
      `separators=(",", ":"), sort_keys=True`,
      `separators=(",", ":")`,
      "test_statement.py::test_a_statement_is_the_same_byte_for_byte",
    ],
  ],
  "lib/model_signature.py": [
    [
      "a model without a signature is not built",
      `    if f"sha256.{SIGNATURE_FILE}" not in model_registry.run_tags(model_registry.get(version).run):`,
      "    if False:",
      "test_model_signature.py::test_a_model_without_a_signature_is_refused",
    ],
    [
      "no other key signs models",
      "signing_keys.public_keys(signing_keys.TRAINING)",
      "signing_keys.public_keys(signing_keys.GATES)",
      "test_model_signature.py::test_no_other_key_of_the_pipeline_signs_models[gates]",
    ],
    [
      "a signature is of this model",
      "        if signed.subject.name != constants.MODEL:",
      "        if False:",
      "test_model_signature.py::test_the_signature_of_another_model_is_refused",
    ],
    [
      "each file is what was signed",
      "        if found != sha256:",
      "        if False:",
      "test_model_signature.py::test_a_file_that_was_changed_is_refused_though_mlflow_was_told_so_too[features.json]",
    ],
    [
      "a file is fetched into the folder alone",
      "all(_FILE.fullmatch(name) and ",
      "all(",
      "test_model_signature.py::test_a_list_of_files_that_is_none_is_refused[signed2-it does not list the files by " +
        "name and SHA-256]",
    ],
    [
      "the one digest is that of the files",
      "    if whole != signed.subject.sha256:",
      "    if False:",
      "test_model_signature.py::test_a_list_of_files_that_is_none_is_refused[signed0-its digest is not that of the " +
        "files that it lists]",
    ],
    [
      "what becomes the image is among what was signed",
      "    if missing:",
      "    if False:",
      "test_model_signature.py::test_a_signature_of_less_than_the_model_is_refused[food11.onnx]",
    ],
  ],
  "steps/build_image.py": [
    [
      "no image is made of what nobody signed",
      "        signed = model_signature.require(version, Path(folder))",
      '        signed = model_signature.SignedModel("0" * 64, {"food11.onnx": ""}, model_signature.Training("", ""))',
      "test_model_signature.py::test_no_other_key_of_the_pipeline_signs_models[build]",
    ],
  ],
  "lib/attestations.py": [
    [
      "a statement about another image says nothing of this one",
      "            if stated.subject.sha256 != image.subject.sha256:",
      "            if False:",
      "test_attestations.py::test_what_another_key_signed_or_of_another_image_does_not_count",
    ],
    [
      "what the registry does not list was not attached",
      "            if digest in referrers(image):",
      "            if True:",
      "test_attestations.py::test_what_the_registry_does_not_list_was_not_attached",
    ],
  ],
  "lib/provenance.py": [
    [
      "a build that runs again signs nothing twice",
      '    if any(stated.predicate.get("buildDefinition") == definition for stated in known):',
      "    if False:",
      "test_build_image.py::test_a_build_that_runs_again_signs_nothing_twice",
    ],
  ],
  "steps/collect.py": [
    [
      "what is signed of an image goes with it",
      '        attestations.remove(Image(*image.split("@")))\n',
      "",
      "test_collect.py::test_what_is_signed_of_an_image_goes_with_it_and_before_it",
    ],
  ],
  "lib/gate_verdicts.py": [
    [
      "a gate whose verdict no key that counts has signed did not pass",
      "        if not last:",
      "        if False:",
      "test_gate_verdicts.py::test_without_a_signed_verdict_of_each_gate_nothing_is_proven[load]",
    ],
    [
      "the last verdict counts",
      "        if failed:",
      "        if False:",
      "test_gate_verdicts.py::test_the_last_verdict_counts[fail]",
    ],
    [
      "the last one is the last by its time",
      "    return [verdict for verdict in verdicts if verdict.at == last]",
      "    return list(verdicts)[:1]",
      "test_gate_verdicts.py::test_a_pass_after_a_fail_counts",
    ],
    [
      "a verdict from before a withdrawal counts no more",
      "        if last[0].at <= withdrawn:",
      "        if False:",
      "test_gate_verdicts.py::test_a_verdict_from_before_a_withdrawal_counts_no_more[2026-01-01T00:00:00Z]",
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
      "a version keeps the pass of another image",
      "        if model_registry.get(version).verified_digest != digest:",
      "        if model_registry.get(version).is_withdrawn:",
      "test_alarms.py::test_an_image_that_runs_badly_loses_its_pass_and_its_version_keeps_that_of_another_image",
    ],
    [
      "a withdrawal is signed once",
      "        if was_withdrawn(image):",
      "        if False:",
      "test_alarms.py::test_an_image_that_runs_badly_loses_its_pass_and_its_version_keeps_that_of_another_image",
    ],
    [
      "a withdrawal that is signed stops no test that is under way",
      "        if not signed_at or signed_at < version.verdict_at:",
      "        if not was_withdrawn(image):",
      "test_alarms.py::test_a_withdrawal_that_is_signed_stops_no_test_that_is_under_way",
    ],
    [
      "a registry that is away keeps no pass in MLflow",
      "sign_withdrawal(digest, reason) or is_new\n    except Unavailable as",
      "sign_withdrawal(digest, reason) or is_new\n    except KeyError as",
      "test_alarms.py::test_a_registry_that_is_away_keeps_no_pass_in_mlflow_and_the_signature_follows",
    ],
    [
      "a withdrawal is signed with the key of the releases",
      "signing_keys.public_keys(signing_keys.RELEASE)",
      "signing_keys.public_keys(signing_keys.BUILD)",
      "test_gate_verdicts.py::test_a_verdict_from_before_a_withdrawal_counts_no_more[2026-01-01T00:00:00Z]",
    ],
    [
      "a verdict after a withdrawal gives a pass back",
      "    return all(verdict.at <= withdrawn for verdict in verdicts)",
      "    return True",
      "test_revert.py::test_what_passed_again_after_that_stays",
    ],
    [
      "no other key signs verdicts",
      "signing_keys.public_keys(signing_keys.GATES)",
      "signing_keys.public_keys(signing_keys.BUILD)",
      "test_gate_verdicts.py::test_no_other_key_of_the_pipeline_signs_verdicts[build]",
    ],
  ],
  "lib/promotion_rules.py": [
    [
      "a promotion rests on signatures",
      '        raise PromotionRejected(f"{unproven}. Run test-staging for it, or build-container-image.") from refusal',
      "        figures = {}",
      "test_gate_verdicts.py::test_a_forged_tag_promotes_nothing",
    ],
  ],
  "steps/run_gate.py": [
    [
      "a pass that cannot be signed is none",
      '        if verdict.verdict == "pass":',
      "        if False:",
      "test_gate_verdicts.py::test_a_pass_that_cannot_be_signed_ends_the_gate",
    ],
  ],
  "steps/promote.py": [
    [
      "a release is signed with who approved it",
      "    sign(target, app_version, digest, request)",
      "    pass",
      "test_ask_approval.py::test_promotes_what_people_approved",
    ],
  ],
  "lib/signing_keys.py": [
    [
      "a public key counts under its own id alone",
      " and file.name == entry(name, key)",
      "",
      "test_make_signing_keys.py::test_public_keys_are_those_of_the_name_each_under_its_own_id",
    ],
    [
      "a key is on the curve that verifies it",
      " or not isinstance(key.curve, ec.SECP256R1)",
      "",
      "test_make_signing_keys.py::test_a_key_that_is_none_is_not_signed_with[another curve]",
    ],
  ],
  "steps/make_signing_keys.py": [
    [
      "a key that is there is never replaced",
      "    if held is None:\n        create",
      "    if True:\n        create",
      "test_make_signing_keys.py::test_what_is_there_stays_and_is_published_again",
    ],
    [
      "a key is published before anything is signed with it",
      `    kubectl.merge("configmaps", signing_keys.CONFIG_MAP, constants.ARGO_NAMESPACE, change)`,
      "",
      "test_make_signing_keys.py::test_makes_each_key_and_publishes_it_first",
    ],
  ],
};
