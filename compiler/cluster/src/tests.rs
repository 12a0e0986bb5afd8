//! What objects say.

use crate::{Cluster, PodNetwork, PortRef};

const SHOP: &str = "
apiVersion: v1
kind: NamespaceList
items: [{ metadata: { name: shop, labels: { team: a } } }]
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec:
  replicas: 3
  template:
    metadata: { labels: { app: web } }
    spec:
      hostNetwork: true
      containers: [{ ports: [{ name: http, containerPort: 8080 }] }]
---
apiVersion: batch/v1
kind: CronJob
metadata: { name: night, namespace: shop }
spec: { jobTemplate: { spec: { template: { metadata: { labels: { app: job } }, spec: { serviceAccountName: night } } } } }
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  metadata: { name: one, ownerReferences: [{ kind: ReplicaSet, name: ones, controller: true }] }
  spec: {}
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { selector: { app: web }, ports: [{ port: 80, targetPort: http }] }
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: in, namespace: shop }
spec: { rules: [{ http: { paths: [{ backend: { service: { name: web, port: { number: 80 } } } }] } }] }
";

#[test]
fn objects_of_every_kind_are_read() {
    let (cluster, diagnostics) = Cluster::read([("a.yaml", SHOP)]);
    assert!(diagnostics.is_empty(), "{diagnostics:#?}");
    let titles: Vec<String> = cluster.workloads.iter().map(|one| one.title()).collect();
    assert_eq!(
        titles,
        [
            "shop/web[Deployment]",
            "shop/night[CronJob]",
            "default/ones[ReplicaSet]"
        ]
    );
    let [web, night, ones] = &cluster.workloads[..] else {
        panic!("there are three");
    };
    assert_eq!((web.network, web.replicas), (PodNetwork::Host, 3));
    assert_eq!(night.service_account, "night");
    assert_eq!(
        (ones.pod.as_deref(), ones.service_account.as_str()),
        (Some("one"), "default")
    );
    assert_eq!(cluster.namespaces["shop"]["team"], "a");
    assert_eq!(
        cluster.namespaces["default"]["kubernetes.io/metadata.name"],
        "default"
    );
    let service = &cluster.services[0];
    assert!(service.selects(web) && !service.selects(night));
    let port = service.port(&PortRef::Number(80)).unwrap();
    assert_eq!(port.target.at(web, port.protocol), Some(8080));
    assert_eq!(
        cluster.entrances[0].backends[0].port,
        Some(PortRef::Number(80))
    );
}

#[test]
fn a_value_of_another_type_is_reported_at_its_place() {
    let text = SHOP.replace("replicas: 3", "replicas: many");
    let (cluster, diagnostics) = Cluster::read([("a.yaml", text.as_str())]);
    let headlines: Vec<&str> = diagnostics
        .iter()
        .map(|one| one.headline.as_str())
        .collect();
    assert_eq!(headlines, ["`replicas` is a whole number, not text"]);
    assert_eq!(cluster.workloads.len(), 2);
    let range = &diagnostics[0].primary.place.range;
    assert_eq!(
        text.get(range.start as usize..range.end as usize),
        Some("many")
    );
}

#[test]
fn other_objects_and_other_fields_are_left_alone() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: 7\n---\napiVersion: v1\nkind: Pod\nmetadata: { name: a }\nspec: { schedulerName: [1] }\n";
    let (cluster, diagnostics) = Cluster::read([("a.yaml", text)]);
    assert!(diagnostics.is_empty(), "{diagnostics:#?}");
    assert_eq!(cluster.workloads.len(), 1);
}
