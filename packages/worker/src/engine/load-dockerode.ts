import { registerHooks } from 'node:module';
import type Dockerode from 'dockerode';

/**
 * dockerode as a library for one socket. It also carries a gRPC stack (BuildKit sessions), an SSH client and a tar
 * packer, which it loads on import and which we never call: 18 MB of resident memory on every host, and a native
 * addon that cannot be part of a single executable. While dockerode is imported these names resolve to an empty
 * module. A bundler that builds one executable must do the same: it reads `UNUSED_PARTS` and aliases each to an
 * empty module, after which the hook below finds nothing left to replace.
 */
export const UNUSED_PARTS: readonly string[] = [
  '@grpc/grpc-js',
  '@grpc/proto-loader',
  'protobufjs',
  'ssh2',
  'tar-fs',
  '@balena/dockerignore',
];

const EMPTY_MODULE = 'swarm-empty-module:';

export async function loadDockerode(): Promise<typeof Dockerode> {
  const hooks = registerHooks({
    resolve(specifier, context, nextResolve) {
      if (!UNUSED_PARTS.includes(specifier)) return nextResolve(specifier, context);
      return { url: EMPTY_MODULE + specifier, format: 'commonjs', shortCircuit: true };
    },
    load(url, context, nextLoad) {
      if (!url.startsWith(EMPTY_MODULE)) return nextLoad(url, context);
      return { format: 'commonjs', source: 'module.exports = {};', shortCircuit: true };
    },
  });
  try {
    return (await import('dockerode')).default;
  } finally {
    hooks.deregister();
  }
}
