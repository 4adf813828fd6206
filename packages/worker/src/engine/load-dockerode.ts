import { importWithout } from '@swarm/shared/runtime/import-without';
import type Dockerode from 'dockerode';

/**
 * dockerode as a library for one socket. It also carries a gRPC stack (BuildKit sessions), an SSH client and a tar
 * packer, which it loads on import and which we never call: 18 MB of resident memory on every host, and a native
 * addon that cannot be part of a single executable.
 */
export const UNUSED_PARTS: readonly string[] = [
  '@grpc/grpc-js',
  '@grpc/proto-loader',
  'protobufjs',
  'ssh2',
  'tar-fs',
  '@balena/dockerignore',
];

export async function loadDockerode(): Promise<typeof Dockerode> {
  return importWithout(UNUSED_PARTS, async () => (await import('dockerode')).default);
}
