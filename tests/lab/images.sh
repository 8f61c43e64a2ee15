# Decides which lab images have to be built. Reads the recipes (each folder with
# a recipe.yaml), the engine and the archive of earlier builds; leaves every
# image tagged as its recipe says. Never pulls: packages come from the mirrors
# this machine is configured for.

LAB_IMAGE_FOLDERS='templates/images tests/lab/images'
LAB_IMAGE_LABEL=io.github.aictl.lab.recipe
LAB_IMAGE_JOBS=2

# lab_recipe KEY FOLDER: a value of its recipe.yaml; of a list, the words.
lab_recipe() { sed -n "s/^$1: *//p" "$LAB_ROOT/$2/recipe.yaml" | tr -d '[],'; }

# The same recipe on the same parents is the same image: nothing else counts,
# so a checkout elsewhere or a touched file rebuilds nothing. recipe.yaml only
# tells about the image.
lab_image_key() {
  (
    cd "$LAB_ROOT/$1"
    find . -type f ! -path './wheels/*' ! -name recipe.yaml | LC_ALL=C sort | while read -r file; do
      printf '%s %s\n' "$file" "$(stat -c %a "$file" | cut -c1)"
      cat "$file"
    done
    printf '%s' "${2:-}"
  ) | sha256sum | cut -c1-16
}

lab_image_found() {
  docker image inspect --format "{{index .Config.Labels \"$LAB_IMAGE_LABEL\"}}" "$1" 2>/dev/null || true
}

# Prints `name image folder key` of every image as the recipes now want it,
# parents first.
lab_images_wanted() {
  local folder name need parents pending again stuck=none done_names=' '
  local -A keys=()
  # shellcheck disable=SC2086  # the folders are words
  pending=$(cd "$LAB_ROOT" && find $LAB_IMAGE_FOLDERS -mindepth 2 -maxdepth 2 -name recipe.yaml -printf '%h\n' | LC_ALL=C sort)
  while [ -n "$pending" ]; do
    again=''
    for folder in $pending; do
      name=${folder##*/} parents=''
      for need in $(lab_recipe needs "$folder"); do
        case $done_names in *" $need "*) parents+=${keys[$need]} ;; *) again+=" $folder"; continue 2 ;; esac
      done
      keys[$name]=$(lab_image_key "$folder" "$parents")
      done_names+="$name "
      echo "$name $(lab_recipe image "$folder") $folder ${keys[$name]}"
    done
    # A round that ordered none would never order one.
    [ "$again" != "$stuck" ] || { lab_fail "recipes need what no recipe makes:$again"; return 1; }
    stuck=$again pending=$again
  done
}

# Prints what is missing, one `name image folder key` a line.
lab_images_missing() {
  lab_images_wanted | while read -r name image folder key; do
    [ "$(lab_image_found "$image")" = "$key" ] || echo "$name $image $folder $key"
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

# The repository that Maven is told to ask here: MAVEN_MIRROR, or the first mirror
# of the user's settings. Nothing when neither says: the recipe then knows.
lab_maven_mirror() {
  local settings=$HOME/.m2/settings.xml
  if [ -n "${MAVEN_MIRROR:-}" ]; then
    echo "$MAVEN_MIRROR"
  elif [ -e "$settings" ]; then
    python3 -c 'import sys, xml.etree.ElementTree as xml
print(xml.parse(sys.argv[1]).findtext("{*}mirrors/{*}mirror/{*}url", "").strip())' "$settings"
  fi
}

lab_image_build() {
  local name=$1 image=$2 recipe=$LAB_ROOT/$3 key=$4 begun=$SECONDS mirror=()
  local log=$LAB_CACHE/log/image-$name.log
  if [ -x "$recipe/build" ]; then
    lab_logged "$log" timeout 900 "$recipe/build" "$image" "$LAB_IMAGE_LABEL=$key" || return 1
  else
    lab_image_wheels "$recipe" || return 1
    # A recipe without the argument would be warned about it.
    ! grep -q '^ARG MAVEN=' "$recipe/Dockerfile" || mirror=(--build-arg "MAVEN=$(lab_maven_mirror)")
    # BuildKit needs a plugin that Debian does not ship, so the classic builder is
    # asked for. The proxy arguments are predefined: they stay out of the history.
    lab_logged "$log" timeout 900 env DOCKER_BUILDKIT=0 docker build --rm --force-rm \
      --build-arg http_proxy --build-arg https_proxy --build-arg no_proxy "${mirror[@]}" \
      --label "$LAB_IMAGE_LABEL=$key" --tag "$image" "$recipe" || return 1
    rm -rf "$recipe/wheels"
  fi
  lab_say "built $image in $((SECONDS - begun)) s from $(lab_recipe source "$3")"
}

# One archive for all: layers that images share are kept once.
lab_images_save() {
  local archive=$LAB_CACHE/images.tar.zst images
  images=$(lab_images_wanted | cut -d' ' -f2)
  # shellcheck disable=SC2086  # the references are words
  (set -o pipefail && docker save $images | zstd -q -1 -T0 -f -o "$archive.part") && mv "$archive.part" "$archive" \
    && lab_images_wanted >"$archive.recipes"
}

# Only an archive that has a missing image is worth loading; loading another
# would move tags back to older recipes.
lab_images_load() {
  local archive=$LAB_CACHE/images.tar.zst
  [ -e "$archive" ] && grep -qxFf <(echo "$1") "$archive.recipes" 2>/dev/null || return 0
  lab_say "loading the images built earlier"
  lab_logged "$LAB_CACHE/log/images-load.log" timeout 300 \
    bash -o pipefail -c 'zstd -qdc "$1" | docker load --quiet' load "$archive" \
    || lab_say "the archive of images could not be loaded; they are built again"
}

# Builds the lines given, some at a time, each after those of the lines that it
# needs. A failure lets what runs finish and starts nothing more.
lab_images_build() {
  local name image folder key need pid waiting=$1 later failed=0
  local -A unbuilt=() jobs=()
  while read -r name _; do unbuilt[$name]=yes; done <<<"$waiting"
  while [ -n "$waiting" ] || [ "${#jobs[@]}" -gt 0 ]; do
    later=''
    while read -r name image folder key; do
      [ -n "$name" ] || continue
      for need in $(lab_recipe needs "$folder"); do
        [ -z "${unbuilt[$need]:-}" ] || { later+="$name $image $folder $key"$'\n'; continue 2; }
      done
      [ "${#jobs[@]}" -lt "$LAB_IMAGE_JOBS" ] && [ "$failed" = 0 ] || { later+="$name $image $folder $key"$'\n'; continue; }
      lab_image_build "$name" "$image" "$folder" "$key" &
      jobs[$!]=$name
    done <<<"$waiting"
    waiting=${later%$'\n'}
    [ "${#jobs[@]}" -gt 0 ] || break
    sleep 0.2
    # By number: `wait -n` forgets a job that ended while another command ran.
    for pid in "${!jobs[@]}"; do
      ! kill -0 "$pid" 2>/dev/null || continue
      if wait "$pid"; then unset "unbuilt[${jobs[$pid]}]"; else failed=1; fi
      unset "jobs[$pid]"
    done
  done
  [ "$failed" = 0 ] && [ -z "$waiting" ]
}

lab_images_build_missing() {
  local missing
  missing=$(lab_images_missing)
  [ -n "$missing" ] || return 0
  lab_has zstd || lab_apt zstd
  lab_images_load "$missing"
  missing=$(lab_images_missing)
  [ -n "$missing" ] || return 0
  lab_say "building $(wc -l <<<"$missing") images from Debian, Maven and PyPI packages"
  lab_images_build "$missing" || return 1
  lab_images_save || lab_say "the images could not be kept in $LAB_CACHE; a fresh engine builds them again"
}

# Two runs at once build once: the second waits for the first.
lab_images_up() { lab_locked images 1800 lab_images_build_missing; }
