#!/bin/bash
# Verifies a push of Magpie:  bash verify.sh rsa <request file> <certificate.pem>
#                             bash verify.sh hmac <request file> <whsec_...>
# The request file holds the request as it came: request line, headers, empty line, body. Needs openssl and GNU tools.
set -euo pipefail
export LC_ALL=C
kind=$1 file=$2 key=$3
tolerance=300 # seconds
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

invalid() {
  echo "invalid: $1"
  exit 1
}

head_lines=$(grep -n -m 1 $'^\r$' "$file" | cut -d: -f1)
head -n "$head_lines" "$file" | tr -d '\r' >"$work/head"
tail -n "+$((head_lines + 1))" "$file" >"$work/body"
path=$(head -n 1 "$work/head" | cut -d' ' -f2)

header() { # the value of a header, by its lower-case name
  awk -v wanted="$1" 'NR > 1 { at = index($0, ":"); if (at && tolower(substr($0, 1, at - 1)) == wanted) { value = substr($0, at + 1); gsub(/^[ \t]+|[ \t]+$/, "", value); print value; exit } }' "$work/head"
}

check_time() { # seconds since the epoch
  local age=$(($(date +%s) - $1))
  ((age <= tolerance && age >= -tolerance)) || invalid 'the push is too old'
}

case $kind in
rsa)
  md5=$(openssl md5 -r "$work/body" | cut -d' ' -f1)
  given=$(header content-md5)
  # XML and JSON have the first form, SIMPLIFIED the second.
  [[ $given == "$(printf %s "$md5" | base64)" || $given == "${md5^^}" ]] || invalid 'the body was changed'
  check_time "$(date -d "$(header date)" +%s)"
  {
    printf '%s\n' POST "$given" "$(header content-type)" "$(header date)"
    # Names in lower case, without the blanks around the values, sorted.
    awk 'NR > 1 { at = index($0, ":"); name = tolower(substr($0, 1, at - 1)); value = substr($0, at + 1); gsub(/^[ \t]+|[ \t]+$/, "", value); if (name ~ /^x-mns-/) print name ":" value }' "$work/head" | sort
    printf %s "$path"
  } >"$work/text"
  header authorization | base64 -d >"$work/signature"
  openssl x509 -in "$key" -pubkey -noout >"$work/public.pem"
  openssl dgst -sha1 -verify "$work/public.pem" -signature "$work/signature" "$work/text" >/dev/null 2>&1 || invalid 'the signature does not fit'
  ;;
hmac)
  timestamp=$(header webhook-timestamp)
  check_time "$timestamp"
  hex=$(printf %s "${key#whsec_}" | base64 -d | od -An -v -tx1 | tr -d ' \n')
  expected=v1,$({ printf %s "$(header webhook-id).$timestamp." && cat "$work/body"; } | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$hex" -binary | base64)
  [[ " $(header webhook-signature) " == *" $expected "* ]] || invalid 'the signature does not fit'
  ;;
esac
echo valid
