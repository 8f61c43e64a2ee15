# Removes what runs of the tests that were killed left on the engine: enough of them use up its networks. Sourced.
# Reads containers; a project counts as left over when its folder was a temporary one of a test and the process whose id
# is in its name has ended.
# Never touches a project of a run that goes on, nor one that no test has made.

# lab_leftovers: on the engine of DOCKER_HOST.
lab_leftovers() {
  local project folder kind
  docker ps -a --format '{{.Label "com.docker.compose.project"}} {{.Label "com.docker.compose.project.working_dir"}}' | sort -u |
    while read -r project folder; do
      [[ $folder =~ ^/tmp/\.tmp[A-Za-z0-9]{6}(/|$) && $project =~ -([0-9]+)(-[a-z]+)*$ ]] || continue
      [ ! -e "/proc/${BASH_REMATCH[1]}" ] || continue
      lab_say "removing $project, left over from a run of the tests that was killed"
      lab_leftover_ids ps -a "$project" | xargs -r docker rm -fv >/dev/null
      for kind in network volume; do
        lab_leftover_ids "$kind" ls "$project" | xargs -r docker "$kind" rm >/dev/null
      done
    done
}

# lab_leftover_ids COMMAND WORD PROJECT: ids of what is labelled with the project, or is what aictl keeps for it.
lab_leftover_ids() {
  {
    docker "$1" "$2" -q --filter "label=com.docker.compose.project=$3"
    docker "$1" "$2" -q --filter "name=^/?$3[-_]aictl"
  } | sort -u
}
