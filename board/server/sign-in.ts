import type { IncomingMessage } from "node:http";
import { ApiError } from "../../lib/kube-client";
import { isRecord } from "../../lib/record";
import type { SessionView } from "../api";
import type { InCluster } from "./in-cluster";
import { RateLimit } from "./rate-limit";
import { Refusal } from "./refusal";
import { noCookie, Sessions } from "./session";

/** An answer about who is signed in. */
export interface SignIn {
  readonly view: SessionView;
  /** For `set-cookie`; undefined where the cookie stays. */
  readonly cookie?: string;
}

/** Signs people in by their Kubernetes tokens, which only the API server judges. */
export class Doorman {
  private readonly sessions = new Sessions();
  private readonly rateLimit = new RateLimit();

  constructor(private readonly cluster: InCluster) {}

  /**
   * The cluster for the person who sends a request to act.
   * @throws Refusal where nobody is signed in, or the person acts too often
   */
  asPerson(request: IncomingMessage): InCluster {
    const token = this.sessions.token(request.headers.cookie);
    if (token === undefined) throw new Refusal(401, "Nobody is signed in: sign in with a Kubernetes token.");
    this.rateLimit.count(token);
    return this.cluster.asPerson(token);
  }

  /** Who sends a request, as the API server knows them now. */
  async whoIs(request: IncomingMessage): Promise<SignIn> {
    const token = this.sessions.token(request.headers.cookie);
    if (token === undefined) return { view: { username: null } };
    try {
      return { view: { username: await this.cluster.asPerson(token).username() } };
    } catch (error) {
      if (isUnknown(error)) return { view: { username: null }, cookie: noCookie(isSecure(request)) };
      throw error;
    }
  }

  /** @throws Refusal for a token that the API server does not know */
  async signIn(request: IncomingMessage, body: unknown): Promise<SignIn> {
    const token = isRecord(body) && typeof body.token === "string" ? body.token.trim() : "";
    // What else a header may hold is no token.
    if (!/^[\x21-\x7e]+$/.test(token)) throw new Refusal(400, "Send a Kubernetes token, in one line.");
    const cookie = this.sessions.cookie(token, isSecure(request));
    if (!cookie) throw new Refusal(400, "This token is too long for a cookie: use one of a ServiceAccount.");
    const username = await this.cluster
      .asPerson(token)
      .username()
      .catch((error: unknown) => {
        if (isUnknown(error)) throw new Refusal(401, "The API server does not know this token, or it has expired.");
        throw error;
      });
    return { view: { username }, cookie };
  }

  signOut(request: IncomingMessage): SignIn {
    return { view: { username: null }, cookie: noCookie(isSecure(request)) };
  }
}

const isUnknown = (error: unknown) => error instanceof ApiError && error.status === 401;

/** Whether the page came by https, from what stands before the board. */
const isSecure = ({ headers }: IncomingMessage) => headers["x-forwarded-proto"] === "https";
