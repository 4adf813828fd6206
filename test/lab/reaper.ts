import { text } from 'node:stream/consumers';
import { removeLab } from './clean-up.ts';
import { outerEngine } from './engine.ts';

/** See `startReaper`: waits for the end of its input, then removes the lab unless that was done already. */
const [name] = process.argv.slice(2);
if (!name) throw new Error('usage: reaper.ts LAB, with standard input held open by the process that owns the lab');
const said = await text(process.stdin);
if (!said.includes('done')) await removeLab(await outerEngine(), name);
