import { PolicyPack } from "@pulumi/policy";
import { gaps, policies } from "./policies";

new PolicyPack("gourmetgram", { enforcementLevel: "mandatory", policies: [...policies, ...gaps] });
