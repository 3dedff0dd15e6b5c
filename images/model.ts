/** Name of the registered model in MLflow. The Python and the workflow template state it again; a test compares them. */
export const modelName = "GourmetGramFood11Model";

/** The kinds of model that a training can produce. Python states them again; a test compares them. */
export const scenarios = ["normal", "bad-architecture", "oversized", "slow", "flaky"] as const;
