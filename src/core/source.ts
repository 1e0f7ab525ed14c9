/** Where the bytes of a whole file, or of a part of it, lie. */
export type Source =
  /** Pages of the shared arena, in order; the last one is used up to `size`. */
  | { readonly kind: 'memory'; readonly pages: readonly number[]; readonly size: number }
  /** Pages of an open file, in order. */
  | {
      readonly kind: 'spool'
      readonly fd: number
      readonly pages: readonly number[]
      readonly size: number
    }
  /** A temporary file that begins with the content; it may be longer than `size`. */
  | { readonly kind: 'disk'; readonly path: string; readonly size: number }
