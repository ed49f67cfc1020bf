// What the room says, line by line: `<somebody> said this`, or `* what happened`.

export function readLine(line) {
  const said = /^<([^>]+)> (.*)$/s.exec(line);
  if (said !== null) {
    return { kind: 'said', who: said[1], text: said[2] };
  }
  const { 1: given } = /^\* you are (\S+)$/.exec(line) ?? [];
  const renamed = /^\* (\S+) is now (\S+)$/.exec(line);
  return {
    kind: 'note',
    text: line.replace(/^\* /, ''),
    given,
    renamed: renamed === null ? undefined : { from: renamed[1], to: renamed[2] },
  };
}
