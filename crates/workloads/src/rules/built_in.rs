//! The table of what is known without being given.
//!
//! Each path was looked up in the types of its product; docs/kubernetes.md has the same table, and a test
//! compares the two.

use super::shape::Shape;

/// Where images stand in objects of some kinds.
#[derive(Clone, Copy, Debug)]
pub struct BuiltInRule {
    /// The product that the kinds belong to.
    pub product: &'static str,
    /// The kinds, whatever their API group.
    pub kinds: &'static [&'static str],
    /// The path from the object.
    pub path: &'static str,
    /// What is at its end.
    pub shape: Shape,
    /// The repository and the file that define the types.
    pub source: &'static str,
}

const fn rule(
    product: &'static str,
    kinds: &'static [&'static str],
    path: &'static str,
    shape: Shape,
    source: &'static str,
) -> BuiltInRule {
    BuiltInRule { product, kinds, path, shape, source }
}

const KUBERNETES: &str = "Kubernetes";
const COMPOSE: &str = "Compose";
const PROMETHEUS: &str = "Prometheus Operator";
const ROLLOUTS: &str = "Argo Rollouts";
const WORKFLOWS: &str = "Argo Workflows";
const TEKTON: &str = "Tekton Pipelines";
const KNATIVE: &str = "Knative";
const CERT_MANAGER: &str = "cert-manager";
const ISTIO: &str = "Istio";
const STRIMZI: &str = "Strimzi";
const CLOUD_NATIVE_PG: &str = "CloudNativePG";
const ELASTIC: &str = "Elastic (ECK)";
const KUBEVIRT: &str = "KubeVirt";
const CLUSTER_API: &str = "Cluster API";
const OLM: &str = "OLM";

const CORE: &str = "kubernetes/api core/v1/types.go";
const APPS: &str = "kubernetes/api apps/v1/types.go";
const BATCH: &str = "kubernetes/api batch/v1/types.go";
const PROMETHEUS_TYPES: &str =
    "prometheus-operator/prometheus-operator pkg/apis/monitoring/v1/prometheus_types.go";
const ALERTMANAGER_TYPES: &str =
    "prometheus-operator/prometheus-operator pkg/apis/monitoring/v1/alertmanager_types.go";
const THANOS_TYPES: &str = "prometheus-operator/prometheus-operator pkg/apis/monitoring/v1/thanos_types.go";
const ROLLOUT_TYPES: &str = "argoproj/argo-rollouts pkg/apis/rollouts/v1alpha1/types.go";
const EXPERIMENT_TYPES: &str = "argoproj/argo-rollouts pkg/apis/rollouts/v1alpha1/experiment_types.go";
const ANALYSIS_TYPES: &str = "argoproj/argo-rollouts pkg/apis/rollouts/v1alpha1/analysis_types.go";
const WORKFLOW_TYPES: &str = "argoproj/argo-workflows pkg/apis/workflow/v1alpha1/workflow_types.go";
const CRON_WORKFLOW_TYPES: &str = "argoproj/argo-workflows pkg/apis/workflow/v1alpha1/cron_workflow_types.go";
const WORKFLOW_PLUGIN: &str = "argoproj/argo-workflows pkg/plugins/spec/plugin_types.go";
const TASK_TYPES: &str = "tektoncd/pipeline pkg/apis/pipeline/v1/task_types.go";
const TASK_RUN_TYPES: &str = "tektoncd/pipeline pkg/apis/pipeline/v1/taskrun_types.go";
const PIPELINE_TYPES: &str = "tektoncd/pipeline pkg/apis/pipeline/v1/pipeline_types.go";
const PIPELINE_RUN_TYPES: &str = "tektoncd/pipeline pkg/apis/pipeline/v1/pipelinerun_types.go";
const STEP_ACTION_TYPES: &str = "tektoncd/pipeline pkg/apis/pipeline/v1beta1/stepaction_types.go";
const REVISION_TYPES: &str = "knative/serving pkg/apis/serving/v1/revision_types.go";
const SOURCE_TYPES: &str = "knative/eventing pkg/apis/sources/v1/container_types.go";
const CERT_MANAGER_TYPES: &str = "cert-manager/cert-manager pkg/apis/config/controller/v1alpha1/types.go";
const WASM: &str = "istio/api extensions/v1alpha1/wasm.proto";
const TRAFFIC: &str = "istio/api extensions/v1alpha1/traffic_extension.proto";
const KAFKA_CRD: &str =
    "strimzi/strimzi-kafka-operator packaging/install/cluster-operator/040-Crd-kafka.yaml";
const CONNECT_CRD: &str =
    "strimzi/strimzi-kafka-operator packaging/install/cluster-operator/041-Crd-kafkaconnect.yaml";
const POOL_CRD: &str =
    "strimzi/strimzi-kafka-operator packaging/install/cluster-operator/045-Crd-kafkanodepool.yaml";
const CLUSTER_TYPES: &str = "cloudnative-pg/cloudnative-pg api/v1/cluster_types.go";
const POOLER_TYPES: &str = "cloudnative-pg/cloudnative-pg api/v1/pooler_types.go";
const CATALOG_TYPES: &str = "cloudnative-pg/cloudnative-pg api/v1/imagecatalog_types.go";
const ELASTIC_TYPES: &str = "elastic/cloud-on-k8s pkg/apis/elasticsearch/v1/elasticsearch_types.go";
const BEAT_TYPES: &str = "elastic/cloud-on-k8s pkg/apis/beat/v1beta1/beat_types.go";
const AGENT_TYPES: &str = "elastic/cloud-on-k8s pkg/apis/agent/v1alpha1/agent_types.go";
const KIBANA_TYPES: &str = "elastic/cloud-on-k8s pkg/apis/kibana/v1/kibana_types.go, and alike";
const MACHINE_SCHEMA: &str = "kubevirt/api core/v1/schema.go";
const MACHINE_TYPES: &str = "kubevirt/api core/v1/types.go";
const MACHINE_POOL_TYPES: &str = "kubevirt/api pool/v1beta1/types.go";
const CDI_TYPES: &str = "kubevirt/containerized-data-importer-api pkg/apis/core/v1beta1/types.go";
const PROVIDER_TYPES: &str = "kubernetes-sigs/cluster-api-operator api/v1alpha2/provider_types.go";
const DEV_MACHINE_TYPES: &str =
    "kubernetes-sigs/cluster-api test/infrastructure/docker/api/v1beta2/devmachine_types.go";
const CSV_TYPES: &str = "operator-framework/api pkg/operators/v1alpha1/clusterserviceversion_types.go";
const CATALOG_SOURCE_TYPES: &str = "operator-framework/api pkg/operators/v1alpha1/catalogsource_types.go";

const PROVIDERS: &[&str] = &[
    "CoreProvider",
    "BootstrapProvider",
    "ControlPlaneProvider",
    "InfrastructureProvider",
    "AddonProvider",
    "IPAMProvider",
    "RuntimeExtensionProvider",
];

/// Of ECK, what has one template of pods.
const ELASTIC_KINDS: &[&str] = &[
    "Kibana",
    "ApmServer",
    "EnterpriseSearch",
    "Logstash",
    "ElasticMapsServer",
    "AutoOpsAgentPolicy",
    "PackageRegistry",
];

/// All of them, in the order of the documentation.
pub const BUILT_IN: &[BuiltInRule] = &[
    rule(KUBERNETES, &["Pod"], "", Shape::PodTemplate, CORE),
    rule(KUBERNETES, &["PodTemplate"], "template", Shape::PodTemplate, CORE),
    rule(KUBERNETES, &["ReplicationController"], "spec.template", Shape::PodTemplate, CORE),
    rule(
        KUBERNETES,
        &["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"],
        "spec.template",
        Shape::PodTemplate,
        APPS,
    ),
    rule(KUBERNETES, &["Job"], "spec.template", Shape::PodTemplate, BATCH),
    rule(KUBERNETES, &["CronJob"], "spec.jobTemplate.spec.template", Shape::PodTemplate, BATCH),
    rule(
        COMPOSE,
        &["Compose"],
        "services.*",
        Shape::ComposeService,
        "compose-spec/compose-spec 05-services.md",
    ),
    rule(PROMETHEUS, &["Prometheus", "PrometheusAgent"], "spec.image", Shape::Image, PROMETHEUS_TYPES),
    rule(PROMETHEUS, &["Prometheus", "PrometheusAgent"], "spec", Shape::PodSpec, PROMETHEUS_TYPES),
    rule(PROMETHEUS, &["Prometheus"], "spec.thanos.image", Shape::Image, PROMETHEUS_TYPES),
    rule(PROMETHEUS, &["Alertmanager"], "spec.image", Shape::Image, ALERTMANAGER_TYPES),
    rule(PROMETHEUS, &["Alertmanager"], "spec", Shape::PodSpec, ALERTMANAGER_TYPES),
    rule(PROMETHEUS, &["ThanosRuler"], "spec.image", Shape::Image, THANOS_TYPES),
    rule(PROMETHEUS, &["ThanosRuler"], "spec", Shape::PodSpec, THANOS_TYPES),
    rule(ROLLOUTS, &["Rollout"], "spec.template", Shape::PodTemplate, ROLLOUT_TYPES),
    rule(ROLLOUTS, &["Experiment"], "spec.templates[*].template", Shape::PodTemplate, EXPERIMENT_TYPES),
    rule(
        ROLLOUTS,
        &["AnalysisTemplate", "ClusterAnalysisTemplate", "AnalysisRun"],
        "spec.metrics[*].provider.job.spec.template",
        Shape::PodTemplate,
        ANALYSIS_TYPES,
    ),
    rule(
        WORKFLOWS,
        &["Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate"],
        "spec",
        Shape::ArgoWorkflow,
        WORKFLOW_TYPES,
    ),
    rule(WORKFLOWS, &["CronWorkflow"], "spec.workflowSpec", Shape::ArgoWorkflow, CRON_WORKFLOW_TYPES),
    rule(WORKFLOWS, &["ExecutorPlugin"], "spec.sidecar.container", Shape::Container, WORKFLOW_PLUGIN),
    rule(TEKTON, &["Task", "ClusterTask"], "spec", Shape::TektonTask, TASK_TYPES),
    rule(TEKTON, &["TaskRun"], "spec.taskSpec", Shape::TektonTask, TASK_RUN_TYPES),
    rule(TEKTON, &["Pipeline"], "spec", Shape::TektonPipeline, PIPELINE_TYPES),
    rule(TEKTON, &["PipelineRun"], "spec.pipelineSpec", Shape::TektonPipeline, PIPELINE_RUN_TYPES),
    rule(TEKTON, &["StepAction"], "spec", Shape::Container, STEP_ACTION_TYPES),
    rule(KNATIVE, &["Service", "Configuration"], "spec.template.spec", Shape::PodSpec, REVISION_TYPES),
    rule(KNATIVE, &["Revision"], "spec", Shape::PodSpec, REVISION_TYPES),
    rule(KNATIVE, &["ContainerSource"], "spec.template", Shape::PodTemplate, SOURCE_TYPES),
    rule(
        CERT_MANAGER,
        &["ControllerConfiguration"],
        "acmeHTTP01Config.solverImage",
        Shape::Image,
        CERT_MANAGER_TYPES,
    ),
    rule(ISTIO, &["WasmPlugin"], "spec.url", Shape::OciUrl, WASM),
    rule(ISTIO, &["TrafficExtension"], "spec.wasm.url", Shape::OciUrl, TRAFFIC),
    rule(STRIMZI, &["Kafka"], "spec.kafka.image", Shape::Image, KAFKA_CRD),
    rule(STRIMZI, &["Kafka"], "spec.kafka.brokerRackInitImage", Shape::Image, KAFKA_CRD),
    rule(STRIMZI, &["Kafka"], "spec.kafka.template", Shape::StrimziTemplate, KAFKA_CRD),
    rule(STRIMZI, &["Kafka"], "spec.entityOperator.topicOperator.image", Shape::Image, KAFKA_CRD),
    rule(STRIMZI, &["Kafka"], "spec.entityOperator.userOperator.image", Shape::Image, KAFKA_CRD),
    rule(STRIMZI, &["Kafka"], "spec.entityOperator.template", Shape::StrimziTemplate, KAFKA_CRD),
    rule(STRIMZI, &["Kafka"], "spec.cruiseControl.image", Shape::Image, KAFKA_CRD),
    rule(STRIMZI, &["Kafka"], "spec.cruiseControl.template", Shape::StrimziTemplate, KAFKA_CRD),
    rule(STRIMZI, &["Kafka"], "spec.kafkaExporter.image", Shape::Image, KAFKA_CRD),
    rule(STRIMZI, &["Kafka"], "spec.kafkaExporter.template", Shape::StrimziTemplate, KAFKA_CRD),
    rule(STRIMZI, &["KafkaNodePool"], "spec.template", Shape::StrimziTemplate, POOL_CRD),
    rule(
        STRIMZI,
        &["KafkaConnect", "KafkaBridge", "KafkaMirrorMaker2"],
        "spec.image",
        Shape::Image,
        CONNECT_CRD,
    ),
    rule(
        STRIMZI,
        &["KafkaConnect", "KafkaBridge", "KafkaMirrorMaker2"],
        "spec.clientRackInitImage",
        Shape::Image,
        CONNECT_CRD,
    ),
    rule(
        STRIMZI,
        &["KafkaConnect", "KafkaBridge", "KafkaMirrorMaker2"],
        "spec.template",
        Shape::StrimziTemplate,
        CONNECT_CRD,
    ),
    rule(CLOUD_NATIVE_PG, &["Cluster"], "spec.imageName", Shape::Image, CLUSTER_TYPES),
    rule(
        CLOUD_NATIVE_PG,
        &["Cluster"],
        "spec.postgresql.extensions[*].image.reference",
        Shape::Image,
        CLUSTER_TYPES,
    ),
    rule(CLOUD_NATIVE_PG, &["Pooler"], "spec.template", Shape::PodTemplate, POOLER_TYPES),
    rule(CLOUD_NATIVE_PG, &["Pooler"], "spec.pgbouncer.image", Shape::Image, POOLER_TYPES),
    rule(
        CLOUD_NATIVE_PG,
        &["ImageCatalog", "ClusterImageCatalog"],
        "spec.images[*].image",
        Shape::Image,
        CATALOG_TYPES,
    ),
    rule(
        CLOUD_NATIVE_PG,
        &["ImageCatalog", "ClusterImageCatalog"],
        "spec.images[*].extensions[*].image.reference",
        Shape::Image,
        CATALOG_TYPES,
    ),
    rule(
        CLOUD_NATIVE_PG,
        &["ImageCatalog", "ClusterImageCatalog"],
        "spec.componentImages[*].image",
        Shape::Image,
        CATALOG_TYPES,
    ),
    rule(ELASTIC, &["Elasticsearch"], "spec.image", Shape::Image, ELASTIC_TYPES),
    rule(ELASTIC, &["Elasticsearch"], "spec.nodeSets[*].podTemplate", Shape::PodTemplate, ELASTIC_TYPES),
    rule(ELASTIC, ELASTIC_KINDS, "spec.image", Shape::Image, KIBANA_TYPES),
    rule(ELASTIC, ELASTIC_KINDS, "spec.podTemplate", Shape::PodTemplate, KIBANA_TYPES),
    rule(ELASTIC, &["Beat"], "spec.image", Shape::Image, BEAT_TYPES),
    rule(ELASTIC, &["Beat"], "spec.daemonSet.podTemplate", Shape::PodTemplate, BEAT_TYPES),
    rule(ELASTIC, &["Beat"], "spec.deployment.podTemplate", Shape::PodTemplate, BEAT_TYPES),
    rule(ELASTIC, &["Agent"], "spec.image", Shape::Image, AGENT_TYPES),
    rule(ELASTIC, &["Agent"], "spec.daemonSet.podTemplate", Shape::PodTemplate, AGENT_TYPES),
    rule(ELASTIC, &["Agent"], "spec.deployment.podTemplate", Shape::PodTemplate, AGENT_TYPES),
    rule(ELASTIC, &["Agent"], "spec.statefulSet.podTemplate", Shape::PodTemplate, AGENT_TYPES),
    rule(KUBEVIRT, &["VirtualMachineInstance"], "spec", Shape::VirtualMachine, MACHINE_SCHEMA),
    rule(
        KUBEVIRT,
        &["VirtualMachine", "VirtualMachineInstanceReplicaSet"],
        "spec.template.spec",
        Shape::VirtualMachine,
        MACHINE_TYPES,
    ),
    rule(
        KUBEVIRT,
        &["VirtualMachinePool"],
        "spec.virtualMachineTemplate.spec.template.spec",
        Shape::VirtualMachine,
        MACHINE_POOL_TYPES,
    ),
    rule(
        KUBEVIRT,
        &["VirtualMachine"],
        "spec.dataVolumeTemplates[*].spec.source.registry.url",
        Shape::DockerUrl,
        CDI_TYPES,
    ),
    rule(KUBEVIRT, &["DataVolume"], "spec.source.registry.url", Shape::DockerUrl, CDI_TYPES),
    rule(
        KUBEVIRT,
        &["DataImportCron"],
        "spec.template.spec.source.registry.url",
        Shape::DockerUrl,
        CDI_TYPES,
    ),
    rule(
        KUBEVIRT,
        &["KubeVirt"],
        "spec.configuration.network.binding.*.sidecarImage",
        Shape::Image,
        MACHINE_TYPES,
    ),
    rule(CLUSTER_API, PROVIDERS, "spec.deployment", Shape::ClusterApiDeployment, PROVIDER_TYPES),
    rule(
        CLUSTER_API,
        PROVIDERS,
        "spec.additionalDeployments.*.deployment",
        Shape::ClusterApiDeployment,
        PROVIDER_TYPES,
    ),
    rule(
        CLUSTER_API,
        &["DevMachine", "DevMachinePool"],
        "spec.backend.docker.customImage",
        Shape::Image,
        DEV_MACHINE_TYPES,
    ),
    rule(
        CLUSTER_API,
        &["DevMachine", "DevMachinePool"],
        "spec.backend.docker.preLoadImages[*]",
        Shape::Image,
        DEV_MACHINE_TYPES,
    ),
    rule(
        CLUSTER_API,
        &["DevMachineTemplate"],
        "spec.template.spec.backend.docker.customImage",
        Shape::Image,
        DEV_MACHINE_TYPES,
    ),
    rule(
        CLUSTER_API,
        &["DevMachineTemplate"],
        "spec.template.spec.backend.docker.preLoadImages[*]",
        Shape::Image,
        DEV_MACHINE_TYPES,
    ),
    rule(
        OLM,
        &["ClusterServiceVersion"],
        "spec.install.spec.deployments[*].spec.template",
        Shape::PodTemplate,
        CSV_TYPES,
    ),
    rule(OLM, &["ClusterServiceVersion"], "spec.relatedImages[*].image", Shape::Image, CSV_TYPES),
    rule(OLM, &["CatalogSource"], "spec.image", Shape::Image, CATALOG_SOURCE_TYPES),
];
