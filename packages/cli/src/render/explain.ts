import type { ExplainedEvent, ExplainedNode, ExplainedTask, Explanation } from '@swarm/shared/engine-api/explain';
import { renderTable } from './table.ts';

/** An explanation for people: what is so and why, then node by node, then what happened. */
export function renderExplanation(explanation: Explanation): string {
  const parts =
    explanation.Kind === 'task'
      ? [renderTask(explanation.Task, `task ${explanation.Task.Name}`)]
      : [
          `service ${explanation.Service.Name}\n${bullets(explanation.Why)}${advice(explanation.Advice)}`,
          ...explanation.Waiting.map((task) => renderTask(task, `task ${task.Name}`)),
        ];
  const asks = explanation.Kind === 'task' ? 'if it looked for a node now' : 'if one more task looked for a node now';
  return [...parts, `nodes, ${asks}\n${renderNodes(explanation.Nodes)}`, `what happened\n${renderHistory(explanation.History)}`].join('\n');
}

function renderTask({ State, DesiredState, Node, Why, Advice }: ExplainedTask, title: string): string {
  const where = Node === undefined ? 'on no node' : `on ${Node.Name}`;
  return `${title}: ${State} (desired ${DesiredState}) ${where}\n${bullets(Why)}${advice(Advice)}`;
}

function bullets(lines: readonly string[]): string {
  return lines.map((line) => `  - ${line}\n`).join('');
}

function advice(lines: readonly string[]): string {
  return lines.map((line) => `  - what helps: ${line}\n`).join('');
}

function renderNodes(nodes: readonly ExplainedNode[]): string {
  if (nodes.length === 0) return '  none\n';
  return indent(
    renderTable(
      [
        { header: 'NODE', cell: (node) => node.Name },
        { header: 'FITS', cell: (node) => (node.Fits ? 'yes' : 'no') },
        { header: 'TASKS OF SERVICE', cell: (node) => String(node.ServiceTasks) },
        { header: 'TASKS', cell: (node) => String(node.Tasks) },
        { header: 'WHY NOT', cell: (node) => (node.Filter === undefined ? '' : `${node.Filter}: ${node.Reason ?? ''}`) },
      ],
      nodes,
    ),
  );
}

function renderHistory(events: readonly ExplainedEvent[]): string {
  if (events.length === 0) return '  nothing is remembered\n';
  return events.map(({ Time, TaskID, Text }) => `  ${Time.slice(0, 23)}Z  ${TaskID.slice(0, 12)}  ${Text}\n`).join('');
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '  ');
}
