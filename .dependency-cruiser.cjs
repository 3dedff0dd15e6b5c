/** The rooms, from the program down to the ground: a room imports from those after it only. See ARCHITECTURE.md. */
const rooms = [
  "bench",
  "cli",
  "stacks",
  "board",
  "client",
  "local",
  "components",
  "workflows",
  "policy",
  "image-builder",
  "config",
  "images",
  "lib",
];
const anyOf = (names) => `^(${names.join("|")})/`;

module.exports = {
  forbidden: [
    ...rooms.slice(1).map((room, index) => ({
      name: `${room}-imports-down-only`,
      severity: "error",
      from: { path: `^${room}/` },
      to: { path: anyOf(rooms.slice(0, index + 1)) },
    })),
    {
      name: "images-import-nothing",
      severity: "error",
      from: { path: "^images/" },
      to: { path: "^(lib|config)/" },
    },
    {
      name: "the-local-cluster-runs-no-pulumi",
      severity: "error",
      from: { path: "^local/" },
      to: { path: "^(components|policy)/|@pulumi/" },
    },
    {
      name: "the-policy-pack-stands-alone",
      severity: "error",
      from: { path: "^policy/" },
      to: { path: anyOf(rooms.filter((room) => room !== "policy")) },
    },
    { name: "nothing-imports-tests", severity: "error", from: { pathNot: "^test/" }, to: { path: "^test/" } },
    {
      name: "nothing-imports-the-program",
      severity: "error",
      from: { pathNot: "^test/" },
      to: { path: "^index[.]ts$" },
    },
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
  },
};
