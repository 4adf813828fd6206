/** What a template is made of, as Go's text/template/parse has it. `at` is where a node starts in the source. */
export type Node =
  | { readonly kind: 'text'; readonly at: number; readonly text: string }
  | { readonly kind: 'action'; readonly at: number; readonly pipe: Pipe }
  | { readonly kind: 'if' | 'with'; readonly at: number; readonly pipe: Pipe; readonly list: List; readonly otherwise: List }
  | { readonly kind: 'range'; readonly at: number; readonly pipe: Pipe; readonly list: List; readonly otherwise: List }
  | { readonly kind: 'break' | 'continue'; readonly at: number }
  | { readonly kind: 'template'; readonly at: number; readonly name: string; readonly pipe: Pipe | undefined };

export type List = readonly Node[];

export interface Pipe {
  readonly at: number;
  readonly variables: readonly string[];
  /** `$x = …` rather than `$x := …`. */
  readonly assigns: boolean;
  readonly commands: readonly Command[];
}

export interface Command {
  readonly at: number;
  /** At least one. */
  readonly operands: readonly Operand[];
}

export type Operand =
  | { readonly kind: 'dot' | 'nil'; readonly at: number }
  | { readonly kind: 'field'; readonly at: number; readonly path: readonly string[] }
  | { readonly kind: 'variable'; readonly at: number; readonly name: string; readonly path: readonly string[] }
  | { readonly kind: 'function'; readonly at: number; readonly name: string }
  | { readonly kind: 'literal'; readonly at: number; readonly value: string | number | boolean; readonly source: string }
  | { readonly kind: 'pipe'; readonly at: number; readonly pipe: Pipe; readonly path: readonly string[] };

export interface Template {
  readonly name: string;
  readonly source: string;
  readonly root: List;
  /** What `define` and `block` have named. */
  readonly defined: ReadonlyMap<string, List>;
}

/** As Go prints a node in its messages. */
export function printOperand(operand: Operand): string {
  switch (operand.kind) {
    case 'dot':
      return '.';
    case 'nil':
      return 'nil';
    case 'field':
      return `.${operand.path.join('.')}`;
    case 'variable':
      return [operand.name, ...operand.path].join('.');
    case 'function':
      return operand.name;
    case 'literal':
      return operand.source;
    case 'pipe':
      return [`(${printPipe(operand.pipe)})`, ...operand.path].join('.');
  }
}

export function printCommand(command: Command): string {
  return command.operands.map(printOperand).join(' ');
}

export function printPipe(pipe: Pipe): string {
  const declared = pipe.variables.length === 0 ? '' : `${pipe.variables.join(', ')} ${pipe.assigns ? '=' : ':='} `;
  return declared + pipe.commands.map(printCommand).join(' | ');
}
