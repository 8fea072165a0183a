"""Follows the functions' logs in the local AWS into one file each, until it is told to stop.

Its argument names a JSON file: endpoint, region, credentials, folder, and groups (log group by function name).
"""

import json
import sys
import time
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

PAUSE_S = 0.7
# Two invocations that end together may be written in either order.
MARGIN_MS = 2000


class Follower:
    def __init__(self, client, group, path):
        self.client = client
        self.group = group
        self.path = path
        self.since = 0
        self.written = set()
        path.write_text("")

    def step(self):
        """Appends what is new. The local AWS keeps one log stream for each invocation, written at its end as a whole."""
        events = self.client.filter_log_events(logGroupName=self.group, startTime=self.since)["events"]
        new = [event for event in events if event["logStreamName"] not in self.written]
        if not new:
            return
        with self.path.open("a") as log:
            log.writelines(event["message"].rstrip("\n") + "\n" for event in new)
        self.since = max(event["timestamp"] for event in events) - MARGIN_MS
        self.written = {event["logStreamName"] for event in events if event["timestamp"] >= self.since}


def main():
    order = json.loads(Path(sys.argv[1]).read_text())
    credentials = order["credentials"]
    client = boto3.Session(credentials["accessKeyId"], credentials["secretAccessKey"]).client(
        "logs", endpoint_url=order["endpoint"], config=Config(region_name=order["region"], proxies={})
    )
    folder = Path(order["folder"])
    followers = [Follower(client, group, folder / f"{name}.log") for name, group in order["groups"].items()]
    while True:
        for follower in followers:
            try:
                follower.step()
            except (BotoCoreError, ClientError) as error:
                # The local AWS may be on its way down; if not, the next round will do.
                print(f"{follower.group}: {error}", file=sys.stderr, flush=True)
        time.sleep(PAUSE_S)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
