import { acknowledgedWritesSurvive } from './acknowledged-writes.ts';
import { addressesBelongToOne } from './addresses.ts';
import { dependenciesComeFirst } from './dependencies.ts';
import { movesAreGentle } from './evening-out.ts';
import { neededImagesStay } from './images.ts';
import type { MakeInvariant } from './invariant.ts';
import { misfitsGo } from './misfits.ts';
import { nothingStartsUnasked } from './no-early-start.ts';
import { noFalseDeath } from './no-false-death.ts';
import { noNeedlessMove } from './no-needless-move.ts';
import { noNeedlessStop } from './no-needless-stop.ts';
import { onePerSlot } from './one-per-slot.ts';
import { fieldsHaveOneWriter } from './ownership.ts';
import { attemptsArePaced } from './paced.ts';
import { placementsFit } from './placement.ts';
import { secretsStayWhereNeeded } from './secrets.ts';
import { stopsWaitForTheTables } from './stops-wait.ts';
import { failedUpdatesStop } from './update-failures.ts';
import { updatesKeepTheirPromise } from './update-promise.ts';
import { tasksGoToTheirData } from './volumes.ts';

/** Every promise that is held against every run. That the cluster comes to rest is `convergence.ts`. */
export const INVARIANTS: readonly MakeInvariant[] = [
  acknowledgedWritesSurvive,
  fieldsHaveOneWriter,
  onePerSlot,
  updatesKeepTheirPromise,
  failedUpdatesStop,
  placementsFit,
  dependenciesComeFirst,
  secretsStayWhereNeeded,
  nothingStartsUnasked,
  noNeedlessStop,
  noNeedlessMove,
  attemptsArePaced,
  misfitsGo,
  tasksGoToTheirData,
  movesAreGentle,
  neededImagesStay,
  noFalseDeath,
  addressesBelongToOne,
  stopsWaitForTheTables,
];
