import { runMain } from "../lib/main";
import { lintPython } from "./python";

/** `npm run lint:python`: ruff's complaints about the Python of the workflows, the images and the tests. */
runMain(async () => {
  console.log(await lintPython());
  return 0;
});
