import { ApiError, badRequest } from '@swarm/shared/errors/api-error';
import type { Logger } from '@swarm/shared/runtime/logger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { StoreConflict, StoreStopped } from '../store/store.ts';
import { NO_LEADER_MESSAGE } from './local-state.ts';
import { PageNotFound } from './not-found-page.ts';
import { sendJSON } from './reply.ts';

const VERSION_HEADERS = ['api-version', 'ostype', 'server'];

interface ErrorAnswer {
  readonly status: number;
  readonly message: string;
  readonly unforeseen: boolean;
}

/** The status and text a client sees for whatever a route threw. */
export function explainError(error: unknown): ErrorAnswer {
  if (error instanceof ApiError) return { status: error.httpStatus, message: error.message, unforeseen: false };
  if (error instanceof StoreConflict) {
    return { status: 500, message: 'rpc error: code = Unknown desc = update out of sequence', unforeseen: false };
  }
  if (error instanceof StoreStopped) return { status: 503, message: NO_LEADER_MESSAGE, unforeseen: false };
  const status = statusOf(error);
  if (status !== undefined) return { status, message: messageOf(error), unforeseen: false };
  return { status: 500, message: `unexpected error in the manager: ${messageOf(error)}`, unforeseen: true };
}

export function buildErrorHandler(logger: Logger) {
  return (given: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const error = isMalformedContentType(given) ? malformedContentType(request) : given;
    const answer = explainError(error);
    if (answer.unforeseen) {
      const stack = error instanceof Error ? error.stack : undefined;
      logger.error({ method: request.method, url: request.originalUrl, error: answer.message, stack }, 'request failed unexpectedly');
    }
    if (error instanceof PageNotFound) for (const name of VERSION_HEADERS) reply.removeHeader(name);
    void sendJSON(reply, { message: answer.message }, answer.status);
  };
}

/** The framework reads the header before any route does. */
function isMalformedContentType(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE';
}

function malformedContentType(request: FastifyRequest): ApiError {
  return badRequest(`malformed Content-Type header (${request.headers['content-type']}): send 'application/json', or what the body is`);
}

/** The status that the HTTP framework itself gave, for a request it could not parse. */
function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined;
  const { statusCode } = error;
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500 ? statusCode : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
