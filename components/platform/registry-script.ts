/**
 * Frees what was deleted, then serves. The registry has no other way: a deleted image keeps its space until
 * `garbage-collect` has run, and that must not run while images are pushed. So the container ends some seconds after
 * the last deletion, and the kubelet starts it again. Nobody needs a right to restart it, and nobody who is interrupted
 * leaves it down. It keeps images without a tag, since environments run by digest. Uploads that broke off go too, and
 * what the registry never deletes by itself: lists of what is signed of an image that a later list took the place of,
 * links to layers that are gone, and empty folders.
 * A collection that fails or takes too long stops nothing from being served: the next start tries again.
 * @param configuration the registry's, by default where its image has it
 * @param tmp folder for what it notes
 */
export const serveScript = (configuration = "/etc/docker/registry/config.yml", tmp = "/tmp") => `config=${configuration}
[ -e "$config" ] || config=/etc/distribution/config.yml
blobs=\${REPOSITORIES%/*}/blobs/sha256
manifests() { find "$REPOSITORIES" -path "*/_manifests/revisions/*/link" 2>/dev/null; }
tags() { find "$REPOSITORIES" -path "*/_manifests/tags/*/current/link" "$@"; }

# A list of crane's is found by its tag alone. Other indexes and what is signed of them have one of these words.
drop_old_lists() {
  tags -exec awk '{ sub("sha256:", ""); print }' {} + >${tmp}/tagged
  # On a full disk the file may be cut short, and each list that it lacks would count as old.
  [ "$(tags | wc -l)" -eq "$(wc -l <${tmp}/tagged)" ] || return
  find "$blobs" -name data -size -64k -exec grep -lF image.index.v1 {} + | xargs -r grep -lF '"artifactType"' |
    while read -r file; do grep -qF -e '"layers"' -e '"subject"' -e '"platform"' "$file" || echo "$file"; done |
    sed 's|.*/\\(.*\\)/data$|\\1|' | grep -vF -f ${tmp}/tagged >${tmp}/old-lists
  [ -s ${tmp}/old-lists ] || return
  manifests | grep -F -f ${tmp}/old-lists | while read -r link; do rm -rf "\${link%/link}"; done
}

drop_what_is_empty() {
  find "$REPOSITORIES" -path "*/_layers/sha256/*/link" | while read -r link; do
    layer=\${link%/link}
    hash=\${layer##*/}
    [ -e "$blobs/\${hash%"\${hash#??}"}/$hash/data" ] || rm -rf "$layer"
  done
  find "$blobs" "$REPOSITORIES" -mindepth 1 -depth -type d -path "*/sha256/*" -exec rmdir {} + 2>/dev/null
}

trap 'kill "$child" 2>/dev/null; exit 0' TERM INT

if [ -d "$REPOSITORIES" ]; then
  find "$REPOSITORIES" -type d -name _uploads -prune -exec rm -rf {} +
  drop_old_lists
  timeout 480 registry garbage-collect "$config" >${tmp}/collection 2>&1 &
  child=$!
  wait "$child" && echo "Freed $(grep -c "^blob eligible" ${tmp}/collection) blobs." || tail -n 3 ${tmp}/collection >&2
  drop_what_is_empty
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
