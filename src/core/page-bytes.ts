/** Memory is handed out, and files are digested ahead, in pages of this many bytes. */
export const PAGE_BYTES = 64 * 1024
