/** Answers of our extension routes `/x/explain/…`: plain facts and sentences, in the order in which they are told. */
export interface ExplainedNode {
  readonly ID: string;
  readonly Name: string;
  readonly Fits: boolean;
  /** Why not; the first filter that refuses. */
  readonly Filter?: string;
  readonly Reason?: string;
  /** Tasks of this service there that are meant to run, and of all services. */
  readonly ServiceTasks: number;
  readonly Tasks: number;
}

export interface ExplainedEvent {
  readonly Time: string;
  readonly TaskID: string;
  readonly Text: string;
}

export interface ExplainedTask {
  readonly ID: string;
  readonly Name: string;
  readonly State: string;
  readonly DesiredState: string;
  readonly Node?: { readonly ID: string; readonly Name: string };
  /** Why it is where it is, or why it does not run. */
  readonly Why: readonly string[];
  /** What somebody can do so that it runs; empty where nothing is to be done, or the reason says it. */
  readonly Advice: readonly string[];
}

export interface TaskExplanation {
  readonly Kind: 'task';
  readonly Task: ExplainedTask;
  readonly Service: { readonly ID: string; readonly Name: string };
  /** Each node, judged as if the task looked for one now. */
  readonly Nodes: readonly ExplainedNode[];
  /** What happened at its slot, oldest first. */
  readonly History: readonly ExplainedEvent[];
}

export interface ServiceExplanation {
  readonly Kind: 'service';
  readonly Service: { readonly ID: string; readonly Name: string };
  readonly Running: number;
  readonly Wanted: number;
  readonly Why: readonly string[];
  readonly Advice: readonly string[];
  /** Those that should run and do not, the first few. */
  readonly Waiting: readonly ExplainedTask[];
  /** Each node, judged as if one more task looked for one now. */
  readonly Nodes: readonly ExplainedNode[];
  readonly History: readonly ExplainedEvent[];
}

export type Explanation = TaskExplanation | ServiceExplanation;
