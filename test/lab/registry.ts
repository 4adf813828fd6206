import type Dockerode from 'dockerode';
import { follow, type ImageMaker } from './images.ts';

/** The images the lab can serve, by the names under which the hosts pull them. */
export const LAB_IMAGES = {
  echo: 'example/echo:latest',
  'nginx-proxy': 'nginx-proxy:latest',
  haproxy: 'dockercloud/haproxy:latest',
  postgres: 'postgres:latest',
  redis: 'redis:latest',
} as const;

export type LabImage = keyof typeof LAB_IMAGES;

export interface LabRegistry {
  /** host:port as the hosts reach it. Unqualified names (`nginx:1`) come from it too: it is their mirror. */
  readonly address: string;
  /** Makes the image and pushes it under its usual name, or under `name` (`example/echo:2`). */
  publish(image: LabImage, name?: string): Promise<void>;
}

export const REGISTRY_PORT = 5000;

export function createRegistry(deps: {
  readonly engine: Dockerode;
  readonly images: ImageMaker;
  readonly container: Dockerode.Container;
  readonly address: string;
}): LabRegistry {
  const { engine, images, container, address } = deps;
  return {
    address,
    async publish(image, name = LAB_IMAGES[image]) {
      const reference = await images.ensure(image);
      const inspected = await container.inspect();
      const port = inspected.NetworkSettings.Ports[`${REGISTRY_PORT}/tcp`]?.[0]?.HostPort;
      if (!port) throw new Error('the lab registry has no published port; is its container running?');
      const { repository, tag } = splitName(name);
      const repo = `127.0.0.1:${port}/${repository}`;
      const pushed = engine.getImage(`${repo}:${tag}`);
      await engine.getImage(reference).tag({ repo, tag });
      try {
        // The engine wants credentials in the header even where none are asked for.
        const stream = await pushed.push({ authconfig: { username: 'lab', password: 'lab', serveraddress: `127.0.0.1:${port}` } });
        await follow(engine, stream, name);
      } finally {
        await pushed.remove({ noprune: true });
      }
    },
  };
}

/** `nginx:1` is `library/nginx` of Docker Hub: where a mirror of it has to keep it. */
export function splitName(name: string): { repository: string; tag: string } {
  const colon = name.lastIndexOf(':');
  const hasTag = colon > name.lastIndexOf('/');
  const repository = hasTag ? name.slice(0, colon) : name;
  return { repository: repository.includes('/') ? repository : `library/${repository}`, tag: hasTag ? name.slice(colon + 1) : 'latest' };
}
