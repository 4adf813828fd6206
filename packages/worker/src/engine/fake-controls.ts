import type {
  ContainerCreateRequest,
  ContainerEngine,
  ContainerState,
  EngineError,
  EngineImage,
  HealthState,
  VolumeRequest,
} from './engine.ts';
import type { FakeProgram } from './fake-program.ts';

/**
 * An engine in memory, for tests and the simulation. It behaves as the contract suite demands of a real one, takes its
 * time from a clock, can be given faults, and throws on what it does not know.
 */
export interface FakeEngine extends ContainerEngine {
  /** An image that is there. Its program replaces what the command says. */
  addImage(reference: string, image?: FakeImage): void;
  /** An image that a pull finds. */
  addRegistryImage(reference: string, image?: FakeImage): void;
  /** All images that are there, whoever brought them. */
  images(): readonly EngineImage[];
  /** How large its disk is, and what lies on it beside images. */
  disk: FakeDisk;
  /** Changed at will; they hold for calls made from then on. */
  faults: FakeFaults;
  /** All containers by id, whoever made them. */
  containers(): readonly ContainerState[];
  /** The request a container was made from. */
  requestOf(id: string): ContainerCreateRequest | undefined;
  volumes(): ReadonlyMap<string, VolumeRequest>;
  /** The process of a container ends by itself. */
  exitContainer(id: string, exitCode: number, reason?: { readonly oomKilled?: boolean }): void;
  setHealth(id: string, health: HealthState): void;
  /** The engine dies: calls fail, event streams end, and its containers end with it. */
  goDown(): void;
  comeBack(): void;
  /** How often each verb was called. */
  readonly calls: Readonly<Record<FakeVerb, number>>;
}

export interface FakeDisk {
  readonly totalBytes: number;
  readonly otherBytes: number;
}

export interface FakeImage {
  /** Two names of one id are one image; absent: made of the name. */
  readonly id?: string;
  readonly bytes?: number;
  readonly program?: FakeProgram;
  readonly digests?: readonly string[];
}

export type FakeVerb = 'list' | 'inspect' | 'pull' | 'create' | 'start' | 'stop' | 'remove' | 'ensureVolume' | 'removeImage';

export interface FakeFaults {
  /** How long the engine takes for a verb; absent is at once. */
  readonly latencyMs?: { readonly [Verb in FakeVerb]?: number };
  /** Asked before each call of a verb; an error it gives is thrown after the latency. */
  readonly failure?: (verb: FakeVerb, target: string) => EngineError | undefined;
  /** Calls are never answered. */
  readonly hangs?: boolean;
  /** The work is done, the answer is lost. */
  readonly loseAnswer?: (verb: FakeVerb, target: string) => boolean;
}
