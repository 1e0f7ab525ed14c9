export function nodeHeaders(say: (text: string) => void): Promise<{ npm_config_nodedir?: string }>
