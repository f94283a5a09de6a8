using Granary.Torch;
using Granary.Torch.Devices;
using Granary.Training.Tasks;

namespace Granary.Models.Tests.Devices;

/// <summary>A task whose replicas live on a device.</summary>
internal sealed class OnDevice(ITrainingTask task, Func<ReplicaDevice> device) : ITrainingTask
{
    public OnDevice(ITrainingTask task) : this(task, () => new StagedDevice())
    {
    }

    public string Name => task.Name;

    public string Summary => task.Summary;

    public Type Settings => task.Settings;

    public ITrainingReplica CreateReplica(TrainingSpec spec) => ((LearnerTask)task).CreateReplica(spec, device());
}
