/**
 * The wire side of a stand-in provider plugin: a gRPC server for Pulumi's provider protocol,
 * which turns its messages into plain objects and back.
 *
 * The stand-ins serve machines that can't download the official plugins; see README.md here.
 */
import * as grpc from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as messages from "@pulumi/pulumi/proto/provider_pb";
import { Any } from "google-protobuf/google/protobuf/any_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { hasUnknowns, isRecord, type Properties } from "./values";

// pulumi/proto has no declarations for google.rpc.Status.
const { Status } = require("@pulumi/pulumi/proto/status_pb");

/** One entry of a detailed diff: `replace` says that this very change can't be made in place. */
export interface Change {
  kind: "add" | "delete" | "update";
  replace: boolean;
}

/** What {@link Provider.diff} found; property paths are Pulumi's (`spec.ports[0].port`). */
export interface Diff {
  changes: Map<string, Change>;
  deleteBeforeReplace: boolean;
}

/** What every operation on one resource is told. `timeoutSeconds` 0 means "the provider's default". */
export interface Target {
  urn: string;
  type: string;
  name: string;
  id: string;
  timeoutSeconds: number;
  preview: boolean;
}

/** A resource as it is after an operation. */
export interface State {
  id: string;
  outputs: Properties;
  inputs?: Properties;
}

/** A problem with one property of a resource's inputs. */
export interface Failure {
  property: string;
  reason: string;
}

/** What a stand-in implements. Errors become the message that Pulumi prints beside the resource. */
export interface Provider {
  version: string;
  /**
   * Where true, what a resource has answered is secret as a whole once one of its inputs is. Where not, a property
   * is secret where the input of its name is.
   */
  passesSecretsOn?: boolean;
  configure(settings: Properties): Promise<void>;
  diffConfig(olds: Properties, news: Properties): Promise<Diff>;
  check?(
    target: Target,
    olds: Properties,
    news: Properties,
    seed: Uint8Array,
  ): Promise<{ inputs: Properties; failures: Failure[] }>;
  diff(target: Target, oldInputs: Properties, oldOutputs: Properties, news: Properties): Promise<Diff>;
  create(target: Target, inputs: Properties): Promise<State>;
  read(target: Target, inputs: Properties, outputs: Properties): Promise<State | undefined>;
  update(target: Target, oldInputs: Properties, oldOutputs: Properties, news: Properties): Promise<State>;
  delete(target: Target, inputs: Properties, outputs: Properties): Promise<void>;
  invoke(token: string, args: Properties): Promise<Properties>;
  /** Ends every wait; each operation then fails with what it has done so far. */
  cancel(): void;
}

/** The resource exists but isn't ready: Pulumi records it, and the next update goes on from there. */
export class NotReadyError extends Error {
  constructor(
    readonly state: State,
    reason: string,
  ) {
    super(reason);
  }
}

let engine: EngineClient | undefined;

/**
 * Shows a line beside a resource. `ephemeral` lines replace each other in the resource's status
 * column; the others stay in the update's diagnostics.
 */
export function log(urn: string, message: string, { ephemeral = false, severity = LogSeverity.INFO } = {}): void {
  const request = new LogRequest().setUrn(urn).setMessage(message).setEphemeral(ephemeral).setSeverity(severity);
  engine?.log(request, () => {}); // A lost line is no reason to fail the resource.
}

/** Shows a warning in the update's diagnostics. */
export function warn(urn: string, message: string): void {
  log(urn, message, { severity: LogSeverity.WARNING });
}

const struct = (properties: Properties) =>
  Struct.fromJavaScript(properties as Parameters<typeof Struct.fromJavaScript>[0]);
const plain = (message: Struct | undefined): Properties =>
  message ? (unwrap(message.toJavaScript()) as Properties) : {};

const signature = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";

/** Marks a value as secret for the engine, which then encrypts it in the state and hides it in print. */
export const secret = (value: unknown): Properties => ({ [signature]: secretSignature, value });

/** True where anything in the message is marked as secret. */
const holdsSecret = (message: Struct | undefined): boolean =>
  JSON.stringify(message?.toJavaScript() ?? {}).includes(secretSignature);

/** Marks every property where any of the inputs was secret. */
const guarded = (outputs: Properties, inputs: Struct | undefined): Properties =>
  holdsSecret(inputs)
    ? Object.fromEntries(Object.entries(outputs).map(([key, value]) => [key, secret(value)]))
    : outputs;

/** Takes the secret marks off. */
function unwrap(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unwrap);
  if (!isRecord(value)) return value;
  if (value[signature] === secretSignature) return unwrap(value.value);
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, unwrap(child)]));
}

function diffResponse({ changes, deleteBeforeReplace }: Diff): messages.DiffResponse {
  const response = new messages.DiffResponse().setHasdetaileddiff(true).setDeletebeforereplace(deleteBeforeReplace);
  const { DIFF_SOME, DIFF_NONE } = messages.DiffResponse.DiffChanges;
  response.setChanges(changes.size > 0 ? DIFF_SOME : DIFF_NONE);
  const tops = new Set<string>();
  for (const [path, { kind, replace }] of changes) {
    const name = `${kind.toUpperCase()}${replace ? "_REPLACE" : ""}` as keyof typeof messages.PropertyDiff.Kind;
    const property = new messages.PropertyDiff().setKind(messages.PropertyDiff.Kind[name]).setInputdiff(true);
    response.getDetaileddiffMap().set(path, property);
    tops.add(path.split(/[.[]/)[0]);
    if (replace) response.addReplaces(path);
  }
  return response.setDiffsList([...tops]);
}

function failure(error: unknown): Partial<grpc.ServiceError> {
  const message = error instanceof Error ? error.message : String(error);
  const metadata = new grpc.Metadata();
  if (error instanceof NotReadyError) {
    const detail = new messages.ErrorResourceInitFailed()
      .setId(error.state.id)
      .setProperties(struct(error.state.outputs));
    if (error.state.inputs) detail.setInputs(struct(error.state.inputs));
    detail.addReasons(message);
    const any = new Any();
    any.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
    const status = new Status();
    status.setCode(grpc.status.UNKNOWN);
    status.setMessage(message);
    status.addDetails(any);
    metadata.set("grpc-status-details-bin", Buffer.from(status.serializeBinary()));
  }
  return { code: grpc.status.UNKNOWN, details: message, metadata };
}

/** Runs one request to its answer or its error. */
function handle<Request, Response>(
  answer: (request: Request) => Promise<Response> | Response,
): grpc.handleUnaryCall<Request, Response> {
  return (call, callback) => {
    Promise.resolve()
      .then(() => answer(call.request))
      .then(
        (response) => callback(null, response),
        (error) => callback(failure(error)),
      );
  };
}

interface ResourceRequest {
  getUrn(): string;
  getType(): string;
  getName(): string;
}

function target(
  request: ResourceRequest & { getId?(): string; getTimeout?(): number; getPreview?(): boolean },
): Target {
  return {
    urn: request.getUrn(),
    type: request.getType(),
    name: request.getName(),
    id: request.getId?.() ?? "",
    timeoutSeconds: request.getTimeout?.() ?? 0,
    preview: request.getPreview?.() ?? false,
  };
}

function service(provider: Provider): grpc.UntypedServiceImplementation {
  return {
    getPluginInfo: handle(() => new PluginInfo().setVersion(provider.version)),
    getSchema: handle(() => new messages.GetSchemaResponse().setSchema("{}")),
    checkConfig: handle((request: messages.CheckRequest) => new messages.CheckResponse().setInputs(request.getNews())),
    diffConfig: handle(async (request: messages.DiffRequest) =>
      diffResponse(
        await provider.diffConfig(plain(request.getOldInputs() ?? request.getOlds()), plain(request.getNews())),
      ),
    ),
    configure: handle(async (request: messages.ConfigureRequest) => {
      await provider.configure(plain(request.getArgs()));
      // Where secrets come in plain, the engine marks them in what is answered.
      return new messages.ConfigureResponse()
        .setSupportspreview(true)
        .setAcceptsecrets(provider.passesSecretsOn ?? false);
    }),
    check: handle(async (request: messages.CheckRequest) => {
      if (!provider.check) return new messages.CheckResponse().setInputs(request.getNews());
      const seed = request.getRandomseed() as Uint8Array;
      const { inputs, failures } = await provider.check(
        target(request),
        plain(request.getOlds()),
        plain(request.getNews()),
        seed,
      );
      const response = new messages.CheckResponse().setInputs(struct(inputs));
      for (const { property, reason } of failures)
        response.addFailures(new messages.CheckFailure().setProperty(property).setReason(reason));
      return response;
    }),
    diff: handle(async (request: messages.DiffRequest) =>
      diffResponse(
        await provider.diff(
          target(request),
          plain(request.getOldInputs()),
          plain(request.getOlds()),
          plain(request.getNews()),
        ),
      ),
    ),
    create: handle(async (request: messages.CreateRequest) => {
      const state = await provider.create(target(request), plain(request.getProperties()));
      return new messages.CreateResponse()
        .setId(state.id)
        .setProperties(struct(guarded(state.outputs, request.getProperties())));
    }),
    read: handle(async (request: messages.ReadRequest) => {
      const state = await provider.read(target(request), plain(request.getInputs()), plain(request.getProperties()));
      if (!state) return new messages.ReadResponse();
      const [outputs, inputs] = [state.outputs, state.inputs ?? {}].map((each) =>
        struct(guarded(each, request.getInputs())),
      );
      return new messages.ReadResponse().setId(state.id).setProperties(outputs).setInputs(inputs);
    }),
    update: handle(async (request: messages.UpdateRequest) => {
      const state = await provider.update(
        target(request),
        plain(request.getOldInputs()),
        plain(request.getOlds()),
        plain(request.getNews()),
      );
      return new messages.UpdateResponse().setProperties(struct(guarded(state.outputs, request.getNews())));
    }),
    delete: handle(async (request: messages.DeleteRequest) => {
      await provider.delete(target(request), plain(request.getOldInputs()), plain(request.getProperties()));
      return new Empty();
    }),
    invoke: handle(async (request: messages.InvokeRequest) => {
      const args = plain(request.getArgs());
      const result = hasUnknowns(args) ? {} : await provider.invoke(request.getTok(), args);
      return new messages.InvokeResponse().setReturn(struct(result));
    }),
    cancel: handle(() => {
      provider.cancel();
      return new Empty();
    }),
  };
}

/** Serves the provider on a free loopback port, printed on standard output as the engine expects. */
export function serve(provider: Provider): void {
  const unlimited = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };
  const engineAddress = process.argv[2];
  // The engine ends its plugins; where it was killed itself, they end on their own.
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || process.exit(), 5_000).unref();
  if (engineAddress) engine = new EngineClient(engineAddress, grpc.credentials.createInsecure(), unlimited);
  const server = new grpc.Server(unlimited);
  server.addService(ResourceProviderService, service(provider));
  server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    process.stdout.write(`${port}\n`);
  });
}
