/**
 * Frees what was deleted, then serves. The registry has no other way: a deleted image keeps its space until
 * `garbage-collect` has run, and that must not run while images are pushed. So the container ends some seconds after
 * the last deletion, and the kubelet starts it again. Nobody needs a right to restart it, and nobody who is interrupted
 * leaves it down. It keeps images without a tag, since environments run by digest. Uploads that broke off go too.
 * A collection that fails or takes too long stops nothing from being served: the next start tries again.
 * @param configuration the registry's, by default where its image has it
 * @param tmp folder for what it notes
 */
export const serveScript = (configuration = "/etc/docker/registry/config.yml", tmp = "/tmp") => `config=${configuration}
[ -e "$config" ] || config=/etc/distribution/config.yml
manifests() { find "$REPOSITORIES" -path "*/_manifests/revisions/*/link" 2>/dev/null; }
trap 'kill "$child" 2>/dev/null; exit 0' TERM INT

if [ -d "$REPOSITORIES" ]; then
  find "$REPOSITORIES" -type d -name _uploads -prune -exec rm -rf {} +
  timeout 480 registry garbage-collect "$config" >${tmp}/collection 2>&1 &
  child=$!
  wait "$child" && echo "Freed $(grep -c "^blob eligible" ${tmp}/collection) blobs." || tail -n 3 ${tmp}/collection >&2
fi

registry serve "$config" &
child=$!
manifests >${tmp}/known
deleted=no
while kill -0 "$child" 2>/dev/null; do
  sleep 10 &
  wait $!
  now=no
  while read -r manifest; do [ -e "$manifest" ] || now=yes; done <${tmp}/known
  if [ "$deleted $now" = "yes no" ]; then
    echo "Images were deleted: the registry starts again, and frees their space."
    kill "$child" && wait "$child"
    exit 0
  fi
  [ "$now" = yes ] && deleted=yes
  manifests >${tmp}/known
done
wait "$child"`;
