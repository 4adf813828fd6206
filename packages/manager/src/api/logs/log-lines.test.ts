import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addDetails, encodeDetails, frameHeader, LogLines, type StreamKind } from './log-lines.ts';

const frame = (stream: StreamKind, text: string) => Buffer.concat([frameHeader(stream, Buffer.byteLength(text)), Buffer.from(text)]);
const shown = (lines: readonly { stream: number; text: Buffer }[]) => lines.map(({ stream, text }) => `${stream}:${text.toString()}`);

test('whole lines come out, whatever the frames and chunks they came in', () => {
  const pieces = fc.array(fc.tuple(fc.constantFrom<StreamKind>(1, 2), fc.stringMatching(/^[ab\n]{0,12}$/)), { maxLength: 20 });
  fc.assert(
    fc.property(pieces, fc.array(fc.nat({ max: 30 })), (frames, cuts) => {
      const bytes = Buffer.concat(frames.map(([stream, text]) => frame(stream, text)));
      const parser = new LogLines({ tty: false });
      const lines = [];
      let at = 0;
      for (const cut of cuts) {
        lines.push(...parser.push(bytes.subarray(at, at + cut)));
        at += cut;
      }
      lines.push(...parser.push(bytes.subarray(at)), ...parser.end());
      for (const stream of [1, 2] as const) {
        const sent = frames
          .filter(([kind]) => kind === stream)
          .map(([, text]) => text)
          .join('');
        const got = lines.filter((line) => line.stream === stream).map((line) => line.text.toString());
        expect(got.join('')).toBe(sent === '' || sent.endsWith('\n') ? sent : `${sent}\n`);
        expect(got.every((line) => line.indexOf('\n') === line.length - 1)).toBe(true);
      }
    }),
  );
});

test('a line without end is passed on in pieces', () => {
  const parser = new LogLines({ tty: true });
  const lines = [parser.push(Buffer.alloc(60_000, 97)), parser.push(Buffer.alloc(60_000, 97))].flat();
  expect(lines.map((line) => line.text.length)).toEqual([120_001]);
});

test('a terminal has no frames', () => {
  const parser = new LogLines({ tty: true });
  expect(shown([...parser.push(Buffer.from('a\nb')), ...parser.end()])).toEqual(['1:a\n', '1:b\n']);
});

test('bytes that are no frames are an error, not output', () => {
  expect(() => new LogLines({ tty: false }).push(Buffer.from('plain text'))).toThrow(/log frame of type 112/);
});

test('details stand behind the timestamp, sorted and escaped', () => {
  const details = encodeDetails({ b: 'x y', 'a,': '=' });
  expect(details).toBe('a%2C=%3D,b=x+y');
  expect(addDetails(Buffer.from('2026-01-01T00:00:00.000000000Z hello\n'), details, true).toString()).toBe(
    `2026-01-01T00:00:00.000000000Z ${details} hello\n`,
  );
  expect(addDetails(Buffer.from('hello you\n'), details, false).toString()).toBe(`${details} hello you\n`);
});
