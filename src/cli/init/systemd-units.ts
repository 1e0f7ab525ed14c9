/**
 * What `dfsp init systemd` writes: a service that runs always, or a timer that works off what is there; where the topic is
 * shared a template of services, of which any number run.
 */

export interface UnitChoice {
  /** Of the plugin: its units are dfsp-NAME.service, dfsp-NAME-batch.service and dfsp-NAME-batch.timer, or dfsp-NAME@.service. */
  readonly name: string
  /** Absolute path of the plugin, or the name of a built-in one. */
  readonly plugin: string
  readonly topic: string | undefined
  /** Where dfsp.config and the plugin are. */
  readonly folder: string
  /** Program and first argument of every call of dfsp. */
  readonly program: readonly string[]
  /** For `systemctl --user` instead of the system's manager. */
  readonly user: boolean
  /** Whom a system service runs as; a uid or a name. */
  readonly owner: string | undefined
  /** The file that holds the config, where there is one. */
  readonly config: string | undefined
  /** Several services of it share the topic, on this host and others. */
  readonly shared: boolean
}

/** Text by file name. */
export function systemdUnits(choice: UnitChoice): Readonly<Record<string, string>> {
  const { name } = choice
  if (choice.shared) return { [`dfsp-${name}@.service`]: service(choice, false) }
  return {
    [`dfsp-${name}.service`]: service(choice, false),
    [`dfsp-${name}-batch.service`]: service(choice, true),
    [`dfsp-${name}-batch.timer`]: timer(choice),
  }
}

/** As systemd writes it: %h is the home of the account. */
export function environmentFile({ name, user }: Pick<UnitChoice, 'name' | 'user'>): string {
  return `${user ? '%h/.config' : '/etc'}/dfsp/${name}.env`
}

function service(choice: UnitChoice, batch: boolean): string {
  const { name, topic, folder, user, owner, config, shared } = choice
  const words = [
    ...choice.program,
    ...['run', '-p', choice.plugin],
    ...(topic === undefined ? [] : ['-t', topic]),
    ...(config === undefined ? [] : ['-c', config]),
    ...(batch ? ['--until-end'] : []),
  ]
  const what = topic === undefined ? '' : ` of topic ${topic}`
  /** %H is the host's name, %i what stands behind the @. */
  const state = shared ? `dfsp-${name}/%i` : `dfsp-${name}`
  return lines([
    batch
      ? `# What is there now${what}, then the end: started by dfsp-${name}-batch.timer.`
      : `# Every file${what} as it arrives. What runs is finished and committed before it stops.`,
    ...(shared
      ? [
          '# Each of these shares the topic with the others, here and on other hosts: dfsp-' +
            name +
            '@1, dfsp-' +
            name +
            '@2 …',
        ]
      : []),
    '[Unit]',
    `Description=dfsp ${escaped(name)}${shared ? ' %i' : ''}${batch ? ': what is there now' : ''}`,
    'Documentation=man:dfsp(1)',
    ...(user ? [] : ['Wants=network-online.target', 'After=network-online.target']),
    ...(batch ? [] : ['# Down for good after 20 restarts in 10 minutes.']),
    ...(batch ? [] : ['StartLimitIntervalSec=10min', 'StartLimitBurst=20']),
    '',
    '[Service]',
    batch ? 'Type=oneshot' : 'Type=exec',
    ...(user || owner === undefined ? [] : [`User=${owner}`]),
    `WorkingDirectory=${escaped(folder)}`,
    ...(topic === undefined
      ? ['# The topic: topic = … below [dfsp] in dfsp.config, or DFSP_TOPIC=… in this file.']
      : []),
    `# Secrets, such as DFSP_KAFKA_SASL_PASSWORD=…; mode 600. Any flag of dfsp as DFSP_FLAG.`,
    `EnvironmentFile=-${environmentFile(choice)}`,
    `# Results, logs and journal: ${user ? '~/.local/state (or ~/.config)' : '/var/lib'}/${state}`,
    `StateDirectory=${state}`,
    ...(shared
      ? ['# Started again within 10 s a service with --member has its partitions back, and none move.']
      : []),
    `ExecStart=${words.map(quoted).join(' ')} -o %S/${state}${shared ? ' --shared --member %H-%i' : ''}`,
    ...(batch
      ? [
          '# 75: another run is still at it. 3, some files failed, leaves the unit failed: systemctl --failed shows it.',
          'SuccessExitStatus=TEMPFAIL',
        ]
      : [
          'Restart=on-failure',
          'RestartSec=10',
          '# A wrong argument, plugin, password or config does not mend itself (dfsp help exit-codes).',
          'RestartPreventExitStatus=2 USAGE NOINPUT NOPERM CONFIG',
        ]),
    '# The plugin may finish its file: --drain-timeout is 20 s.',
    'TimeoutStopSec=45',
    'KillMode=mixed',
    'NoNewPrivileges=yes',
    ...(user ? [] : ['PrivateTmp=yes', 'ProtectSystem=full']),
    ...(batch ? [] : ['', '[Install]', `WantedBy=${user ? 'default' : 'multi-user'}.target`]),
  ])
}

function timer({ name }: UnitChoice): string {
  return lines([
    '# Every 15 minutes; a start that was missed is made up for. `systemctl list-timers` shows the next.',
    '[Unit]',
    `Description=dfsp ${escaped(name)} every 15 minutes`,
    '',
    '[Timer]',
    'OnCalendar=*:0/15',
    'RandomizedDelaySec=30',
    'Persistent=yes',
    '',
    '[Install]',
    'WantedBy=timers.target',
  ])
}

/** One argument in ExecStart: systemd expands % and $, and splits at blanks. */
function quoted(word: string): string {
  const safe = escaped(word).replaceAll('$', '$$$$')
  return /^[\w@%+=:,./$-]+$/.test(safe) ? safe : `"${safe.replaceAll(/["\\]/g, '\\$&')}"`
}

function escaped(text: string): string {
  return text.replaceAll('%', '%%')
}

function lines(each: readonly string[]): string {
  return `${each.join('\n')}\n`
}
