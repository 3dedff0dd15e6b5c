/** Health of an environment whose Application is gone, beside the words that Argo CD has for the others. */
export const noApplication = "NoApplication";
