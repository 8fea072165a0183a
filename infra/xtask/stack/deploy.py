"""Deploys infra/template.yaml to the local AWS, as `sam deploy` would to the real one.

Reads one JSON object on standard input, and writes one on standard output: the stack's outputs. Progress goes to standard error.
The template goes through CloudFormation as it stands; only each function's `CodeUri` is replaced by the S3 location of its zip, which is
what `sam package` does, and `DeploymentType` gets its value as its default: the local AWS has no CodeDeploy, and its SAM sees the
defaults of parameters only. In Python because boto3 comes with the local AWS anyway, and the AWS SDK for Rust would take minutes to
compile.
"""

import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

BUCKET = "descrow-artifacts"
# What functions are published under, see the template.
ALIAS = "live"
DEPLOYMENT_TYPE = re.compile(r"^(  DeploymentType:\n    Type: String\n    Default: )\w+$", re.MULTILINE)
CODE_URI = re.compile(r"^( +)CodeUri: \.\./functions/([a-z0-9-]+)$", re.MULTILINE)


def say(text):
    print(text, file=sys.stderr, flush=True)


class Deployment:
    def __init__(self, order):
        self.order = order
        self.name = order["stackName"]
        # Every connection stays on this machine, whatever proxy the environment names.
        config = Config(region_name=order["region"], proxies={}, retries={"max_attempts": 2}, max_pool_connections=16)
        credentials = order["credentials"]
        session = boto3.Session(credentials["accessKeyId"], credentials["secretAccessKey"])
        self.client = lambda service: session.client(service, endpoint_url=order["endpoint"], config=config)

    def put_secrets(self):
        manager = self.client("secretsmanager")
        for name, value in self.order["secrets"].items():
            manager.create_secret(Name=name, SecretString=json.dumps(value))

    def upload(self):
        """Uploads the zips and the packaged template; returns the template's URL."""
        s3 = self.client("s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": self.order["region"]})
        zips = self.order["zips"]

        def put(item):
            function, path = item
            s3.put_object(Bucket=BUCKET, Key=f"{function}/{Path(path).name}", Body=Path(path).read_bytes())

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(put, zips.items()))

        def location(match):
            indent, function = match.groups()
            return f"{indent}CodeUri: s3://{BUCKET}/{function}/{Path(zips[function]).name}"

        deployment_type = self.order["parameters"]["DeploymentType"]
        packaged = CODE_URI.sub(location, Path(self.order["template"]).read_text())
        packaged = DEPLOYMENT_TYPE.sub(rf"\g<1>{deployment_type}", packaged)
        s3.put_object(Bucket=BUCKET, Key="template.yaml", Body=packaged.encode())
        return f"{self.order['endpoint']}/{BUCKET}/template.yaml"

    def apply(self, operation, url, parameters):
        """Creates or updates the stack, waits, and returns its outputs."""
        formation = self.client("cloudformation")
        call = formation.create_stack if operation == "create" else formation.update_stack
        call(
            StackName=self.name,
            TemplateURL=url,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[{"ParameterKey": k, "ParameterValue": str(v)} for k, v in parameters.items()],
        )
        try:
            formation.get_waiter(f"stack_{operation}_complete").wait(
                StackName=self.name, WaiterConfig={"Delay": 0.5, "MaxAttempts": 240}
            )
        except WaiterError:
            for event in formation.describe_stack_events(StackName=self.name)["StackEvents"]:
                if "FAILED" in event["ResourceStatus"]:
                    say(f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', event['ResourceStatus'])}")
            raise SystemExit("CloudFormation refused the stack") from None
        (stack,) = formation.describe_stacks(StackName=self.name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def run(self):
        self.put_secrets()
        say("uploading functions")
        url = self.upload()
        parameters = self.order["parameters"]
        say("creating the stack")
        outputs = self.apply("create", url, parameters)
        # A function cannot refer to the API that refers to it, and a local API has no custom domain to know in advance.
        say("telling the functions the API's address")
        addressed = {"ApiBaseUrl": outputs["ApiUrl"], "Release": "addressed"}
        outputs = self.apply("update", url, parameters | addressed)
        functions = self.client("lambda")
        for name in self.order["prepare"]:
            answer = functions.invoke(FunctionName=name, Qualifier=ALIAS, InvocationType="RequestResponse")
            if "FunctionError" in answer:
                raise SystemExit(f"{name} failed: {answer['Payload'].read().decode()}")
        for name in self.order["invoke"]:
            functions.invoke(FunctionName=name, Qualifier=ALIAS, InvocationType="Event")
        return outputs


if __name__ == "__main__":
    try:
        json.dump(Deployment(json.load(sys.stdin)).run(), sys.stdout)
    except (BotoCoreError, ClientError) as error:
        raise SystemExit(f"local AWS: {error}") from None
    except KeyboardInterrupt:
        raise SystemExit("interrupted") from None
