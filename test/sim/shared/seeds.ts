/** Seeds of histories of several processes that found a defect, with what it was: see ../seeds.ts. */
export const FOUND: ReadonlyMap<number, string> = new Map([
  [957, 'an attempt that no other can better was in no commit, so that the next process counted from before'],
  [3386, 'an older content was never tried again, once a newer one of its path had failed while all paused'],
])
