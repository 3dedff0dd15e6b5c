/** What people call each page, by the name that the program's output `urls` has for it. */
export const pageTitles: Readonly<Record<string, string>> = {
  gateway: "users",
  mlflow: "MLflow",
  argoWorkflows: "Argo Workflows",
  argoCd: "Argo CD",
};
