# Decides which lab images have to be built. Reads the recipes, the engine and
# the archive of earlier builds; leaves every image tagged aictl/NAME:TAG, the
# tests' own tool aictl-lab/tool:TAG.
# Never pulls: packages come from the mirrors this machine is configured for.

# name tag recipe-folder, parents first.
LAB_IMAGES='
base bookworm templates/images/base
tool 1 tests/lab/images/tool
postgres 15 templates/images/postgres
redis 7 templates/images/redis
nginx 1 templates/images/nginx
python-fastapi 3.11 templates/images/python-fastapi
'
# The product's recipes make aictl/NAME; what only tests use is kept apart.
lab_image_reference() {
  case $1 in tool) echo "aictl-lab/$1:$2" ;; *) echo "aictl/$1:$2" ;; esac
}

LAB_IMAGE_LABEL=io.github.aictl.lab.recipe

# The same recipe on the same parent is the same image: nothing else counts,
# so a checkout elsewhere or a touched file rebuilds nothing.
lab_image_key() {
  (
    cd "$LAB_ROOT/$1"
    find . -type f ! -path './wheels/*' | LC_ALL=C sort | while read -r file; do
      printf '%s %s\n' "$file" "$(stat -c %a "$file" | cut -c1)"
      cat "$file"
    done
    printf '%s' "${2:-}"
  ) | sha256sum | cut -c1-16
}

lab_image_found() {
  docker image inspect --format "{{index .Config.Labels \"$LAB_IMAGE_LABEL\"}}" "$1" 2>/dev/null || true
}

# Prints `name key` of every image as the recipes now want it.
lab_images_wanted() {
  local name tag recipe key base_key=''
  while read -r name tag recipe; do
    [ -n "$name" ] || continue
    key=$(lab_image_key "$recipe" "$base_key")
    [ "$name" = base ] && base_key=$key
    echo "$name $tag $recipe $key"
  done <<<"$LAB_IMAGES"
}

# Prints what is missing, one `name tag recipe key` a line.
lab_images_missing() {
  lab_images_wanted | while read -r name tag recipe key; do
    [ "$(lab_image_found "$(lab_image_reference "$name" "$tag")")" = "$key" ] || echo "$name $tag $recipe $key"
  done
}

# Python packages are fetched on this machine, with its own index settings, for
# the Python of Debian 12 whatever runs here (--no-deps: pip would judge the
# dependencies by the Python that runs it). Nothing of it stays in the image.
lab_image_wheels() {
  local recipe=$1 arch platform platforms=()
  [ -e "$recipe/requirements.txt" ] || return 0
  arch=$(uname -m)
  for platform in manylinux_2_17 manylinux2014 manylinux_2_28 manylinux_2_34; do
    platforms+=(--platform "${platform}_$arch")
  done
  rm -rf "$recipe/wheels"
  lab_logged "$LAB_CACHE/log/wheels.log" lab_pip download --no-deps --only-binary=:all: \
    --python-version 3.11 --implementation cp --abi cp311 --abi abi3 --abi none "${platforms[@]}" \
    --dest "$recipe/wheels" --requirement "$recipe/requirements.txt"
}

lab_image_build() {
  local name=$1 tag=$2 recipe=$LAB_ROOT/$3 key=$4
  local log=$LAB_CACHE/log/image-$name.log image
  image=$(lab_image_reference "$name" "$tag")
  lab_say "building image $image"
  if [ -x "$recipe/build" ]; then
    lab_logged "$log" timeout 900 "$recipe/build" "$image" "$LAB_IMAGE_LABEL=$key"
    return
  fi
  lab_image_wheels "$recipe" || return 1
  # BuildKit needs a plugin that Debian does not ship, so the classic builder is
  # asked for. The proxy arguments are predefined: they stay out of the history.
  lab_logged "$log" timeout 900 env DOCKER_BUILDKIT=0 docker build --rm --force-rm \
    --build-arg http_proxy --build-arg https_proxy --build-arg no_proxy \
    --label "$LAB_IMAGE_LABEL=$key" --tag "$image" "$recipe" || return 1
  rm -rf "$recipe/wheels"
}

# One archive for all: layers that images share are kept once.
lab_images_save() {
  local archive=$LAB_CACHE/images.tar tags name tag
  tags=$(lab_images_wanted | while read -r name tag _; do lab_image_reference "$name" "$tag"; done)
  # shellcheck disable=SC2086  # the tags are words
  docker save --output "$archive.part" $tags && mv "$archive.part" "$archive" \
    && lab_images_wanted >"$archive.recipes"
}

# Only an archive that has a missing image is worth loading; loading another
# would move tags back to older recipes.
lab_images_load() {
  local archive=$LAB_CACHE/images.tar
  [ -e "$archive" ] && grep -qxFf <(echo "$1") "$archive.recipes" 2>/dev/null || return 0
  lab_say "loading the images built earlier"
  lab_logged "$LAB_CACHE/log/images-load.log" timeout 300 docker load --quiet --input "$archive" || true
}

lab_images_build_missing() {
  local name tag recipe key missing
  missing=$(lab_images_missing)
  [ -n "$missing" ] || return 0
  lab_images_load "$missing"
  missing=$(lab_images_missing)
  [ -n "$missing" ] || return 0
  while read -r name tag recipe key; do
    lab_image_build "$name" "$tag" "$recipe" "$key" || return 1
  done <<<"$missing"
  lab_images_save || lab_say "the images could not be kept in $LAB_CACHE; a fresh engine builds them again"
}

# Two runs at once build once: the second waits for the first.
lab_images_up() {
  mkdir -p "$LAB_CACHE"
  exec {lab_images_lock}>"$LAB_CACHE/images.lock"
  flock -w 1800 "$lab_images_lock" || { lab_fail "another run holds $LAB_CACHE/images.lock"; return 1; }
  local result=0
  lab_images_build_missing || result=1
  exec {lab_images_lock}>&-
  return "$result"
}
