import { PolicyPack } from "@pulumi/policy";
import { policies } from "./policies";

new PolicyPack("gourmetgram", { enforcementLevel: "mandatory", policies });
