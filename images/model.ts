/** Name of the registered model in MLflow. Python and a workflow template state it again. A test compares them. */
export const modelName = "GourmetGramFood11Model";

/** The kinds of model that a training can produce. Python states them again; a test compares them. */
export const scenarios = ["normal", "bad-architecture", "oversized", "slow", "flaky", "worse", "drifting"] as const;
