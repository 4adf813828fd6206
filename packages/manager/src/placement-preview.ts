/** Where the API's parts and the scheduler's rules are put together; the parts themselves do not know one another. */
export { previewPlacement } from './scheduler/decide/preview.ts';
