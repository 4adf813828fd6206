const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24;

/** A duration in the words of Docker's tables. Source: docker/go-units, HumanDuration. */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < MINUTE) return `${seconds} seconds`;
  const minutes = Math.trunc(seconds / MINUTE);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.round(ms / 1000 / HOUR);
  if (hours === 1) return 'About an hour';
  if (hours < 2 * DAY) return `${hours} hours`;
  if (hours < 14 * DAY) return `${Math.trunc(hours / DAY)} days`;
  if (hours < 60 * DAY) return `${Math.trunc(hours / DAY / 7)} weeks`;
  if (hours < 730 * DAY) return `${Math.trunc(hours / DAY / 30)} months`;
  return `${Math.trunc(ms / 1000 / HOUR / DAY / 365)} years`;
}

/** `5 minutes ago`. */
export function ago(timestamp: string, now: number): string {
  return `${humanDuration(now - Date.parse(timestamp)).toLowerCase()} ago`;
}
