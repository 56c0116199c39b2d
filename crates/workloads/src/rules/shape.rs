//! What the values at the end of a path hold, and where images stand in it.

use std::fmt;

/// What a value holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// A reference to an image.
    Image,
    /// A URL that names an image with `oci://`, with `docker://`, or without a scheme.
    OciUrl,
    /// A URL that names an image with `docker://`.
    DockerUrl,
    /// A container: its image, and what its environment says of images.
    Container,
    /// A pod's containers and image volumes.
    PodSpec,
    /// Metadata and spec of a pod.
    PodTemplate,
    /// Tekton's steps and sidecars.
    TektonTask,
    /// Tekton's embedded tasks.
    TektonPipeline,
    /// A template of Argo Workflows.
    ArgoTemplate,
    /// The spec of an Argo workflow.
    ArgoWorkflow,
    /// A virtual machine of KubeVirt.
    VirtualMachine,
    /// Options of Strimzi for the pods that it makes.
    StrimziTemplate,
    /// A deployment of an operator of Cluster API.
    ClusterApiDeployment,
    /// A service of Compose: its image, and volumes that are images.
    ComposeService,
    /// An image, a container, a pod's spec, or a list of these: its form says which one.
    ByForm,
}

/// All shapes.
pub(super) const SHAPES: [Shape; 15] = [
    Shape::Image,
    Shape::OciUrl,
    Shape::DockerUrl,
    Shape::Container,
    Shape::PodSpec,
    Shape::PodTemplate,
    Shape::TektonTask,
    Shape::TektonPipeline,
    Shape::ArgoTemplate,
    Shape::ArgoWorkflow,
    Shape::VirtualMachine,
    Shape::StrimziTemplate,
    Shape::ClusterApiDeployment,
    Shape::ComposeService,
    Shape::ByForm,
];

impl Shape {
    /// The paths from such a value to others. What has none is a reference, or is known by its form.
    pub fn paths(self) -> &'static [(&'static str, Shape)] {
        match self {
            Shape::Image | Shape::OciUrl | Shape::DockerUrl | Shape::ByForm => &[],
            Shape::Container | Shape::ComposeService => &[("image", Shape::Image)],
            Shape::PodSpec => &[
                ("initContainers[*]", Shape::Container),
                ("containers[*]", Shape::Container),
                ("ephemeralContainers[*]", Shape::Container),
                ("volumes[*].image.reference", Shape::Image),
            ],
            Shape::PodTemplate => &[
                ("metadata.annotations[\"sidecar.istio.io/proxyImage\"]", Shape::Image),
                ("spec", Shape::PodSpec),
            ],
            Shape::TektonTask => &[
                ("stepTemplate", Shape::Container),
                ("steps[*]", Shape::Container),
                ("sidecars[*]", Shape::Container),
                ("volumes[*].image.reference", Shape::Image),
            ],
            Shape::TektonPipeline => &[
                ("tasks[*].taskSpec", Shape::TektonTask),
                ("tasks[*].pipelineSpec", Shape::TektonPipeline),
                ("finally[*].taskSpec", Shape::TektonTask),
                ("finally[*].pipelineSpec", Shape::TektonPipeline),
            ],
            Shape::ArgoTemplate => &[
                ("initContainers[*]", Shape::Container),
                ("container", Shape::Container),
                ("script", Shape::Container),
                ("containerSet.containers[*]", Shape::Container),
                ("sidecars[*]", Shape::Container),
                ("volumes[*].image.reference", Shape::Image),
                ("steps[*][*].inline", Shape::ArgoTemplate),
                ("dag.tasks[*].inline", Shape::ArgoTemplate),
            ],
            Shape::ArgoWorkflow => &[
                ("templateDefaults", Shape::ArgoTemplate),
                ("templates[*]", Shape::ArgoTemplate),
                ("executorPlugins[*].spec.sidecar.container", Shape::Container),
                ("volumes[*].image.reference", Shape::Image),
            ],
            Shape::VirtualMachine => &[
                ("volumes[*].containerDisk.image", Shape::Image),
                ("domain.firmware.kernelBoot.container.image", Shape::Image),
            ],
            Shape::StrimziTemplate => &[
                ("pod.volumes[*].image.reference", Shape::Image),
                ("buildPod.volumes[*].image.reference", Shape::Image),
            ],
            Shape::ClusterApiDeployment => &[("containers[*].imageUrl", Shape::Image)],
        }
    }
}

/// As the documentation names them.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Shape::Image => "image",
            Shape::OciUrl => "URL (`oci://`)",
            Shape::DockerUrl => "URL (`docker://`)",
            Shape::Container => "container",
            Shape::PodSpec => "pod spec",
            Shape::PodTemplate => "pod template",
            Shape::TektonTask => "task spec",
            Shape::TektonPipeline => "pipeline spec",
            Shape::ArgoTemplate => "Argo template",
            Shape::ArgoWorkflow => "Argo workflow",
            Shape::VirtualMachine => "virtual machine",
            Shape::StrimziTemplate => "Strimzi template",
            Shape::ClusterApiDeployment => "operator deployment",
            Shape::ComposeService => "service",
            Shape::ByForm => "by its form",
        })
    }
}
