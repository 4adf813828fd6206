import { request } from 'node:https';
import type { ConnectionOptions } from 'node:tls';
import type { Clock } from '../runtime/clock.ts';
import { type ControlAddress, encodeControlAddress } from './control-address.ts';
import { EnrolError } from './enrol-error.ts';
import { ServerRefused } from './tls-options.ts';

/** One request to a control port: bounded in time and size, and every failure worded for the user. */
export interface ControlRequest {
  readonly address: ControlAddress;
  readonly path: string;
  /** Sent as JSON by POST; absent: GET. */
  readonly body?: unknown;
  readonly tls: ConnectionOptions;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

export interface ControlReply {
  readonly status: number;
  readonly body: string;
}

/** A manager answers in milliseconds; Docker's own join gives up after 20 s, and takes up to two requests. */
const TIMEOUT_MS = 8_000;
/** The largest reply: two certificates and little else. */
const MAX_REPLY_BYTES = 65_536;

/** @throws EnrolError of kind `unreachable` or `not-a-manager`, or the signal's reason. */
export function sendControlRequest(options: ControlRequest): Promise<ControlReply> {
  const { address, tls } = options;
  const text = options.body === undefined ? undefined : JSON.stringify(options.body);
  const timeout = new AbortController();
  const cancelTimeout = options.clock.setTimer(TIMEOUT_MS, () => timeout.abort());
  const signal = options.signal === undefined ? timeout.signal : AbortSignal.any([options.signal, timeout.signal]);
  return new Promise<ControlReply>((resolve, reject) => {
    let sent = false;
    const fail = (cause: Error) => {
      if (options.signal?.aborted) reject(options.signal.reason);
      else reject(explainFailure(address, timeout.signal.aborted ? TIMED_OUT : cause, sent && text !== undefined));
    };
    const outgoing = request({
      ...tls,
      agent: false,
      host: address.host,
      port: address.port,
      method: text === undefined ? 'GET' : 'POST',
      path: options.path,
      headers: text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
      signal,
    });
    outgoing.on('error', fail);
    outgoing.on('finish', () => {
      sent = true;
    });
    outgoing.on('response', (reply) => {
      const chunks: Buffer[] = [];
      let size = 0;
      reply.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_REPLY_BYTES) outgoing.destroy(new Error('its reply is too large'));
        else chunks.push(chunk);
      });
      reply.on('error', fail);
      reply.on('end', () => resolve({ status: reply.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }));
    });
    outgoing.end(text);
  }).finally(cancelTimeout);
}

const TIMED_OUT = new Error(`no answer within ${TIMEOUT_MS / 1000} s`);

/** What the system's codes mean for someone who gave this address. TLS's own codes all mean: someone else listens there. */
const UNREACHABLE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  EHOSTUNREACH: 'there is no route to that host',
  ENETUNREACH: 'there is no route to that network',
  ENOTFOUND: 'that name does not resolve',
  EAI_AGAIN: 'that name does not resolve now',
  ETIMEDOUT: 'no answer',
  ECONNRESET: 'the connection was closed by the other end',
  EPIPE: 'the connection was closed by the other end',
};

function explainFailure(address: ControlAddress, cause: Error, outcomeUnknown: boolean): EnrolError {
  const where = encodeControlAddress(address);
  const options = { cause, outcomeUnknown };
  if (cause instanceof ServerRefused) {
    return new EnrolError('not-a-manager', `${where} is no manager: ${cause.message}; give the address of a manager`, options);
  }
  if (cause === TIMED_OUT) return unreachable(where, cause.message, options);
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  const known = UNREACHABLE[code];
  if (known !== undefined) return unreachable(where, known, options);
  if (code === 'CERT_HAS_EXPIRED') {
    const reason = "the manager's certificate has expired: start the manager's daemon again, and compare the clocks of both hosts";
    return new EnrolError('not-a-manager', `${where} cannot be trusted: ${reason}`, options);
  }
  if (FOREIGN_CERTIFICATE.has(code)) {
    const reason = "it has a certificate, but none of this cluster's root; give the address of a manager of this cluster";
    return new EnrolError('not-a-manager', `${where} is no manager of this cluster: ${reason}`, options);
  }
  const reason = `what listens there does not speak the cluster's protocol, TLS 1.3 (${cause.message.trim()})`;
  return new EnrolError('not-a-manager', `${where} is no swarm manager: ${reason}; give the address of a manager, port 2377`, options);
}

const FOREIGN_CERTIFICATE = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'INVALID_PURPOSE',
]);

function unreachable(where: string, reason: string, options: { cause: Error; outcomeUnknown: boolean }): EnrolError {
  const wayOut = 'check the address and that no firewall blocks the port';
  return new EnrolError('unreachable', `connection error: cannot reach a manager at ${where}: ${reason}; ${wayOut}`, options);
}
