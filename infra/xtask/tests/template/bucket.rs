//! What clients put into the bucket goes by itself, unless a function copied it to where it is kept.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::read::{TEMPLATE, resources};

const OBJECTS: &str = "${UploadsBucket.Arn}/";

/// The prefixes below which a role may do `action`, of each role for itself.
fn allowed(action: &str) -> Vec<BTreeSet<String>> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    let of_role = |role: &Value| {
        let policies = list(&role["Policies"]);
        let statements = policies.iter().flat_map(|policy| list(&policy["PolicyDocument"]["Statement"]));
        let those = statements.filter(|statement| list(&statement["Action"]).contains(&action.into()));
        let resources = those.flat_map(|statement| list(&statement["Resource"]));
        resources.filter_map(|resource| resource.as_str()?.strip_prefix(OBJECTS).map(ToOwned::to_owned)).collect()
    };
    resources("AWS::IAM::Role").iter().map(|role| of_role(&role.properties)).collect()
}

#[test]
fn what_a_client_may_upload_expires() {
    let bucket = resources("AWS::S3::Bucket").remove(0);
    let rules = bucket.properties["LifecycleConfiguration"]["Rules"].as_array().unwrap();
    let expiring: BTreeSet<String> = rules
        .iter()
        .filter(|rule| rule["Status"] == "Enabled" && rule["ExpirationInDays"] == 1)
        .map(|rule| format!("{}*", rule["Prefix"].as_str().unwrap()))
        .collect();
    let written: BTreeSet<String> = allowed("s3:PutObject").into_iter().flatten().collect();
    let kept: Vec<_> = written.difference(&expiring).collect();
    // Documents that were handed in: copies of uploads.
    assert_eq!(kept, ["kyc/*"]);
    assert_eq!(written.intersection(&expiring).count(), expiring.len(), "a rule for what nobody writes: {expiring:?}");
}

#[test]
fn documents_are_read_by_those_who_judge_them_and_removed_by_nobody() {
    let of = |action: &str| allowed(action).into_iter().flatten().filter(|p| p.starts_with("kyc")).collect::<Vec<_>>();
    assert_eq!(of("s3:GetObject"), ["kyc/*", "kyc-uploads/*"], "the admins' function, and the one that takes them");
    assert_eq!(of("s3:PutObject"), ["kyc-uploads/*", "kyc/*"]);
    assert_eq!(of("s3:DeleteObject"), [""; 0]);
}

#[test]
fn a_quota_of_nothing_is_refused_before_a_function_refuses_it() {
    let parameters = TEMPLATE["Parameters"].as_object().unwrap();
    let quotas: Vec<_> = parameters.iter().filter(|(name, _)| name.starts_with("RateLimit")).collect();
    assert_eq!(quotas.len(), 3);
    for (name, quota) in quotas {
        assert_eq!(quota["AllowedPattern"], "[1-9][0-9]*/[1-9][0-9]*", "{name}");
    }
}
