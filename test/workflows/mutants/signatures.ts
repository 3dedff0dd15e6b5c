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
