export default function save(): null {
  return null
}
