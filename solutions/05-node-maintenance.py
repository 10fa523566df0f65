# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lab 05 · Node maintenance
#
# A node needs a new kernel. The team on the forum would take its Deployment out of a list. The
# answer that they got: `kubectl cordon`, then `kubectl drain`, and the app stays available all the
# while. When is that so, and when not?
#
# You drain nodes with and without budgets, meet all that stops a drain, and at last let a node die
# without one. 45 to 60 minutes.

# %%
from nodebynode import Lab

lab = Lab("05")

# %% [markdown]
# ## Round 1 · A drain
#
# `pair` has two Pods. This cell closes two workers with `kubectl cordon`, so that both Pods land on
# the third, and opens them again. A Pod of `pair` needs three seconds to become ready.

# %% language="bash"
# others=$(kubectl get nodes -o name | grep worker | tail -2)
# kubectl cordon $others
# kubectl apply -f - <<'YAML'
# apiVersion: apps/v1
# kind: Deployment
# metadata:
#   name: pair
# spec:
#   replicas: 2
#   selector:
#     matchLabels: {app: pair}
#   template:
#     metadata:
#       labels: {app: pair}
#     spec:
#       terminationGracePeriodSeconds: 2
#       containers:
#         - name: shop
#           image: localhost/shop:v1
#           env: [{name: SHOP_STARTUP_SECONDS, value: "3"}]
#           readinessProbe:
#             httpGet: {path: /ready, port: 8080}
#             periodSeconds: 1
# YAML
# kubectl rollout status deployment/pair --timeout=60s
# kubectl uncordon $others
# kubectl get pods -l app=pair -o wide

# %% [markdown]
# Soon you drain that worker. **Three guesses** before you do. (Run a cell with `...` to see what can
# be answered.)
#
# What becomes of a Pod that is evicted?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("evicted", ...)
lab.predict("evicted", "it moves to another node, with its name")
### END SOLUTION

# %% [markdown]
# How few of the two Pods are ready at the least, while the worker is drained?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("both", ...)
lab.predict("both", 1)
### END SOLUTION

# %% [markdown]
# And how many are ready at the moment when the drain is over?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("returns", ...)
lab.predict("returns", 2)
### END SOLUTION

# %%
lab.live()

# %% [markdown]
# `kubectl drain` cordons the node first, then evicts what runs there. (`--ignore-daemonsets` is for
# Round 2.)

# %% language="bash"
# node=$(kubectl get pods -l app=pair -o jsonpath='{.items[0].spec.nodeName}')
# kubectl drain "$node" --ignore-daemonsets
# kubectl get deployment pair
# kubectl rollout status deployment/pair --timeout=60s
# kubectl get pods -l app=pair -o wide

# %%
lab.compare()

# %% [markdown]
# The forum's answer tells it with one Pod on the node and two elsewhere, which go on serving. Here
# nobody was left for three seconds, and the drain called that *drained*. It asks all Pods to leave at
# the same moment, waits until they are **gone**, and for nothing else.
#
# **Your turn.** The maintenance is done. Let the worker take Pods again. (Will `pair` come back to
# it? You know that from lab 03.)

# %% language="bash" tags=["exercise"]
# ### BEGIN SOLUTION # kubectl ...   (the opposite of cordon)
# node=$(kubectl get nodes -o jsonpath='{.items[?(@.spec.unschedulable==true)].metadata.name}')
# kubectl uncordon "$node"
# ### END SOLUTION

# %% tags=["check"]
lab.check("open-again")

# %% language="bash"
# kubectl delete deployment pair

# %% [markdown]
# ## Round 2 · Refused before it begins
#
# Real nodes are not so tidy. On one worker there will be:
#
# - `agent`, of a **DaemonSet**: one Pod on each node, such as a collector of logs;
# - `cache`, of a Deployment, with an `emptyDir`: files that live as long as the Pod;
# - `note`, a **bare** Pod: somebody made it by hand, nobody owns it.

# %% language="bash"
# kubectl delete daemonset/agent deployment/cache pod/note --ignore-not-found --cascade=foreground
# kubectl uncordon --selector='!node-role.kubernetes.io/control-plane'
# others=$(kubectl get nodes -o name | grep worker | tail -2)
# kubectl cordon $others
# kubectl apply -f - <<'YAML'
# apiVersion: apps/v1
# kind: DaemonSet
# metadata:
#   name: agent
# spec:
#   selector:
#     matchLabels: {app: agent}
#   template:
#     metadata:
#       labels: {app: agent}
#     spec:
#       terminationGracePeriodSeconds: 2
#       containers: [{name: shop, image: localhost/shop:v1}]
# ---
# apiVersion: apps/v1
# kind: Deployment
# metadata:
#   name: cache
# spec:
#   replicas: 2
#   selector:
#     matchLabels: {app: cache}
#   template:
#     metadata:
#       labels: {app: cache}
#     spec:
#       terminationGracePeriodSeconds: 2
#       volumes: [{name: files, emptyDir: {}}]
#       containers:
#         - name: shop
#           image: localhost/shop:v1
#           volumeMounts: [{name: files, mountPath: /files}]
# ---
# apiVersion: v1
# kind: Pod
# metadata:
#   name: note
#   labels: {app: note}
# spec:
#   terminationGracePeriodSeconds: 2
#   containers: [{name: shop, image: localhost/shop:v1}]
# YAML
# kubectl rollout status daemonset/agent --timeout=60s
# kubectl rollout status deployment/cache --timeout=60s
# kubectl wait pod/note --for=condition=Ready --timeout=60s
# kubectl uncordon $others
# kubectl get pods -o wide

# %% [markdown]
# Now a drain without any flag. It will not end well.
#
# **Guess:** how many Pods of `cache` are evicted?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("refused", ...)
lab.predict("refused", 2)
### END SOLUTION

# %% [markdown]
# And how does it leave the node?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("after", ...)
lab.predict("after", "as it was")
### END SOLUTION

# %% language="bash"
# node=$(kubectl get pod note -o jsonpath='{.spec.nodeName}')
# kubectl drain "$node" || echo "exit code $?"
# kubectl get nodes

# %% [markdown]
# Each message names a flag. What the flag does stands in the last column:
#
# | `cannot delete …` | flag | then |
# |---|---|---|
# | `DaemonSet-managed Pods` | `--ignore-daemonsets` | they stay, and run on: a DaemonSet does not mind a cordon |
# | `Pods with local storage` | `--delete-emptydir-data` | the Pod is evicted, its files are lost |
# | `Pods that declare no controller` | `--force` | the Pod is evicted, and **nobody makes another** |

# %%
lab.compare("refused")

# %%
lab.compare("after")

# %% [markdown]
# Who gives up here and goes home leaves a node that takes no Pods, for weeks.
#
# **Your turn.** Drain the worker. The files of `cache` may go, and so may `note`. `agent` has to stay.

# %% language="bash" tags=["exercise"]
# node=$(kubectl get pod note -o jsonpath='{.spec.nodeName}')
# ### BEGIN SOLUTION # kubectl drain "$node" ...
# kubectl drain "$node" --ignore-daemonsets --delete-emptydir-data --force
# ### END SOLUTION

# %% tags=["check"]
lab.check("all-but-the-agent")

# %% [markdown]
# A real node would go off now. `note` is gone for good; `cache` runs elsewhere. Tidy up:

# %% language="bash"
# kubectl uncordon --selector='!node-role.kubernetes.io/control-plane'
# kubectl delete daemonset/agent deployment/cache pod/note --ignore-not-found

# %% [markdown]
# ## Round 3 · A budget
#
# A **PodDisruptionBudget** says of some Pods, by their labels, how many may be missing
# (`maxUnavailable`) or have to be there (`minAvailable`). The API server refuses each eviction that
# would break it.
#
# `guarded` is like `pair`: two Pods on one worker. It has no budget yet. (For another try at this
# round, run this cell again.)

# %% language="bash"
# kubectl delete deployment/guarded pdb/guarded --ignore-not-found --cascade=foreground
# kubectl uncordon --selector='!node-role.kubernetes.io/control-plane'
# others=$(kubectl get nodes -o name | grep worker | tail -2)
# kubectl cordon $others
# kubectl apply -f - <<'YAML'
# apiVersion: apps/v1
# kind: Deployment
# metadata:
#   name: guarded
# spec:
#   replicas: 2
#   selector:
#     matchLabels: {app: guarded}
#   template:
#     metadata:
#       labels: {app: guarded}
#     spec:
#       terminationGracePeriodSeconds: 2
#       containers:
#         - name: shop
#           image: localhost/shop:v1
#           env: [{name: SHOP_STARTUP_SECONDS, value: "2"}]
#           readinessProbe:
#             httpGet: {path: /ready, port: 8080}
#             periodSeconds: 1
# YAML
# kubectl rollout status deployment/guarded --timeout=60s
# kubectl uncordon $others
# kubectl get pods -l app=guarded -o wide

# %% [markdown]
# **Your turn.** Two steps: make a budget for `guarded` by which one Pod may be missing, then drain
# the worker. One Pod has to be ready at each instant. Leave the worker cordoned.
#
# `kubectl create pdb NAME --selector=app=... --max-unavailable=...` makes one.

# %% language="bash" tags=["exercise"]
# node=$(kubectl get pods -l app=guarded -o jsonpath='{.items[0].spec.nodeName}')
# ### BEGIN SOLUTION # kubectl create pdb ...; kubectl drain "$node" ...
# kubectl create pdb guarded --selector=app=guarded --max-unavailable=1
# kubectl drain "$node" --ignore-daemonsets
# ### END SOLUTION

# %% tags=["check"]
lab.check("one-at-a-time")

# %% [markdown]
# Read what the drain printed. Both evictions were asked for at once. One was refused, and asked for
# again **five seconds** later. By then the first replacement was ready. So with a budget the *next*
# eviction waits for a replacement; the end of the drain still does not.
#
# A rule over what was recorded since the cordon says the same:

# %%
from nodebynode.recording.rules import cordoned, each_eviction_waits_for_ready, last

lab.judge(each_eviction_waits_for_ready("guarded", after=last(cordoned())))

# %% [markdown]
# Now the budget becomes strict: **none** may be missing. Then somebody deletes the Pods by hand.
#
# **Guess:** how many of the two are deleted?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("delete", ...)
lab.predict("delete", 0)
### END SOLUTION

# %% language="bash"
# kubectl delete pdb --all
# kubectl create pdb guarded --selector=app=guarded --max-unavailable=0
# kubectl wait pdb/guarded --for=jsonpath='{.status.disruptionsAllowed}'=0 --timeout=20s
# kubectl get pdb
# kubectl delete pod -l app=guarded
# kubectl rollout status deployment/guarded --timeout=60s

# %%
lab.compare("delete")

# %% [markdown]
# A budget is asked for **evictions**, and for nothing else: not for deletions, not by a rollout, not
# by a node that breaks. Tidy up:

# %% language="bash"
# kubectl uncordon --selector='!node-role.kubernetes.io/control-plane'
# kubectl delete deployment/guarded pdb/guarded --ignore-not-found

# %% [markdown]
# ## Round 4 · A budget that never gives way
#
# `single` has one Pod, and somebody wants it to be safe: one has to be there, always.

# %% language="bash" tags=["setup"]
# kubectl apply -f - <<'YAML'
# apiVersion: apps/v1
# kind: Deployment
# metadata:
#   name: single
# spec:
#   replicas: 1
#   selector:
#     matchLabels: {app: single}
#   template:
#     metadata:
#       labels: {app: single}
#     spec:
#       terminationGracePeriodSeconds: 2
#       containers:
#         - name: shop
#           image: localhost/shop:v1
#           readinessProbe:
#             httpGet: {path: /ready, port: 8080}
#             periodSeconds: 1
# YAML
# kubectl create pdb single --selector=app=single --min-available=1
# kubectl rollout status deployment/single --timeout=60s

# %% [markdown]
# Its worker is drained. Somebody adds `--force`, to be sure. (`--timeout` is there because kubectl
# has patience without end.)
#
# **Guess:** what does the drain do?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("single", ...)
lab.predict("single", "it waits for a second Pod, then evicts the first")
### END SOLUTION

# %% language="bash"
# node=$(kubectl get pods -l app=single -o jsonpath='{.items[0].spec.nodeName}')
# kubectl drain "$node" --ignore-daemonsets --force --timeout=4s || echo "exit code $?"

# %%
lab.compare("single")

# %% [markdown]
# `--force` is for bare Pods, and for no budget. So the drain waits for the budget, and the budget for
# a second Pod. Nobody makes one: a ReplicaSet replaces Pods that are **gone**, not Pods that are
# asked to go.
#
# A budget's status says how it counts:

# %% language="bash"
# kubectl get pdb single -o jsonpath='{.status}'

# %% [markdown]
# **Your turn.** Fill in three numbers from it: how many Pods are healthy, how many have to be, how many
# may be evicted now. How do you get the third from the other two?

# %% tags=["exercise"]
### BEGIN SOLUTION status = {"currentHealthy": ..., "desiredHealthy": ..., "disruptionsAllowed": ...}
status = {"currentHealthy": 1, "desiredHealthy": 1, "disruptionsAllowed": 0}
### END SOLUTION

# %% tags=["check"]
lab.check("why-it-holds", status)

# %% [markdown]
# ## Round 5 · Drained all the same
#
# **On your own.** The worker has to be emptied. At each instant one Pod of `single` is ready, and the
# budget stays as it is, all the time. The worker is cordoned at the end.

# %% language="bash" tags=["exercise"]
# ### BEGIN SOLUTION
# node=$(kubectl get pods -l app=single -o jsonpath='{.items[0].spec.nodeName}')
# kubectl cordon "$node"
# kubectl scale deployment single --replicas=2
# kubectl rollout status deployment/single --timeout=60s
# kubectl drain "$node" --ignore-daemonsets --timeout=30s
# ### END SOLUTION

# %% tags=["check"]
lab.check("single-drained")

# %% [markdown]
# One replica cannot stay available in a drain; two can. After a cordon, `kubectl rollout restart` is
# another way: a rollout makes the new Pod first.
#
# In the team's plan three Pods are *pinned* to the node: for the model of a drain, there is no `room`
# elsewhere. Change the numbers, and see which drains end.

# %%
from nodebynode.model import App, DisruptionBudget, drain

print(drain([App("team", here=3, room=0, budgets=[DisruptionBudget(max_unavailable=1)])]))

# %% [markdown]
# The first replacement finds no node. So the budget never lets the second Pod go. Tidy up:

# %% language="bash" tags=["setup"]
# kubectl uncordon --selector='!node-role.kubernetes.io/control-plane'
# kubectl delete deployment/single pdb/single --ignore-not-found

# %% [markdown]
# ## Round 6 · Ask the users
#
# Once more two Pods on one worker, now with users. A Pod of `shop` needs three seconds to become ready,
# and goes on serving for two after it was told to stop (`preStop`; lab 08 is about that). It has no
# budget yet.

# %% language="bash"
# kubectl delete deployment/shop pdb/shop --ignore-not-found --cascade=foreground
# kubectl uncordon --selector='!node-role.kubernetes.io/control-plane'
# others=$(kubectl get nodes -o name | grep worker | tail -2)
# kubectl cordon $others
# kubectl apply -f - <<'YAML'
# apiVersion: apps/v1
# kind: Deployment
# metadata:
#   name: shop
# spec:
#   replicas: 2
#   minReadySeconds: 1
#   selector:
#     matchLabels: {app: shop}
#   template:
#     metadata:
#       labels: {app: shop}
#     spec:
#       terminationGracePeriodSeconds: 5
#       containers:
#         - name: shop
#           image: localhost/shop:v1
#           env: [{name: SHOP_STARTUP_SECONDS, value: "3"}]
#           lifecycle: {preStop: {sleep: {seconds: 2}}}
#           readinessProbe:
#             httpGet: {path: /ready, port: 8080}
#             periodSeconds: 1
# ---
# apiVersion: v1
# kind: Service
# metadata:
#   name: shop
# spec:
#   type: NodePort
#   selector: {app: shop}
#   ports: [{port: 80, targetPort: 8080}]
# YAML
# kubectl rollout status deployment/shop --timeout=60s
# kubectl uncordon $others
# kubectl get pods -l app=shop -o wide

# %% [markdown]
# `lab.load()` sends 50 requests a second to the Service, from a process of its own.

# %%
lab.load(seconds=180)

# %% [markdown]
# **On your own.** The load runs. Drain the worker so that no request is lost. Leave it cordoned.

# %% language="bash" tags=["exercise"]
# ### BEGIN SOLUTION
# kubectl create pdb shop --selector=app=shop --max-unavailable=1
# node=$(kubectl get pods -l app=shop -o jsonpath='{.items[0].spec.nodeName}')
# kubectl drain "$node" --ignore-daemonsets
# kubectl rollout status deployment/shop --timeout=60s
# ### END SOLUTION

# %% [markdown]
# Wait until the last leaving Pod is gone, then end the load. `lab.losses()` says which requests were
# lost, and why.

# %%
lab.wait_gone("shop")
lab.losses()

# %% tags=["check"]
lab.check("users-noticed-nothing")

# %% [markdown]
# That is maintenance as it should be: planned, one after the other, felt by nobody. Tidy up, and come
# to the other kind.

# %% language="bash"
# kubectl uncordon --selector='!node-role.kubernetes.io/control-plane'
# kubectl delete deployment/shop service/shop pdb/shop --ignore-not-found

# %% [markdown]
# ## Round 7 · A node that dies
#
# A power supply does not call `kubectl drain`. Two Deployments with one Pod each, on one worker,
# `quick` with a budget that lets none be evicted:

# %% language="bash"
# kubectl uncordon --selector='!node-role.kubernetes.io/control-plane'
# others=$(kubectl get nodes -o name | grep worker | tail -2)
# kubectl cordon $others
# for name in quick patient; do
# kubectl apply -f - <<YAML
# apiVersion: apps/v1
# kind: Deployment
# metadata:
#   name: $name
# spec:
#   replicas: 1
#   selector:
#     matchLabels: {app: $name}
#   template:
#     metadata:
#       labels: {app: $name}
#     spec:
#       terminationGracePeriodSeconds: 2
#       containers:
#         - name: shop
#           image: localhost/shop:v1
#           readinessProbe:
#             httpGet: {path: /ready, port: 8080}
#             periodSeconds: 1
# YAML
# done
# kubectl create pdb quick --selector=app=quick --max-unavailable=0
# kubectl rollout status deployment/quick --timeout=60s
# kubectl rollout status deployment/patient --timeout=60s
# kubectl get pods -l app=patient -o jsonpath='{.items[0].spec.tolerations}'

# %% [markdown]
# Nobody wrote these tolerations; each Pod gets them. They say: *when my node is not ready, or cannot
# be reached, I stay there for 300 seconds.*
#
# **On your own.** Let the Pods of `quick` stay for 2 seconds only, in both cases. That is a change of
# the template, so a new Pod comes. (Two of the workers are still cordoned, so that it comes to the
# same node.)

# %% language="bash" tags=["exercise"]
# ### BEGIN SOLUTION
# kubectl patch deployment quick -p '
# spec:
#   template:
#     spec:
#       tolerations:
#         - {key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 2}
#         - {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 2}'
# kubectl rollout status deployment/quick --timeout=60s
# ### END SOLUTION

# %% tags=["check"]
lab.check("two-seconds")

# %% language="bash"
# kubectl uncordon $(kubectl get nodes -o name | grep worker | tail -2)

# %% [markdown]
# Now the worker will be frozen: nothing on it runs any more, and it tells nobody.
#
# **Guess:** what has become of the Pod of `patient` half a minute later?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("dead", ...)
lab.predict("dead", "another one runs on another node")
### END SOLUTION

# %% [markdown]
# Keep the map in sight.

# %%
lab.live()

# %%
worker = lab.kubectl("get", "pods", "-l", "app=patient", "-o", "jsonpath={.items[0].spec.nodeName}")
lab.freeze(worker)

# %% [markdown]
# The cluster knows of a node what the node reports. So first of all: nothing happens. The next cell
# waits until somebody misses the reports, and then until `quick` runs elsewhere.

# %% language="bash"
# node=$(kubectl get pods -l app=patient -o jsonpath='{.items[0].spec.nodeName}')
# kubectl wait node "$node" --for=condition=Ready=Unknown --timeout=90s
# if kubectl wait pod -l app=quick --for=jsonpath='{.metadata.deletionTimestamp}' --timeout=15s
# then kubectl rollout status deployment/quick --timeout=60s
# fi
# kubectl get nodes
# kubectl get pods -o wide

# %% [markdown]
# `kubectl get pods` still prints `1/1 Running` for the Pod of `patient`: that was the node's last
# word. But it does not count as ready any more, so a Service sends it nothing. Here are your drains
# and this failure, each on a clock from its first instant:

# %%
lab.clocks()

# %%
lab.compare("dead")

# %% [markdown]
# This cluster misses a node 10 seconds after its last report. By default it takes 50 (40 in older
# versions), and then come the 300 seconds of toleration. Nobody asked the budget of `quick`.
#
# **Your turn.** How many seconds after the worker was frozen was a Pod of `quick` ready again
# (`failure`)? How many would it be for `patient` with both defaults, 50 and 300, if a new Pod needs no
# time to start (`by default`)?

# %% tags=["exercise"]
### BEGIN SOLUTION seconds = {"failure": ..., "by default": ...}
quick = next(row for row in lab.clocks().rows if row.deployment == "quick" and row.act == "failure")
seconds = {"failure": quick.ready, "by default": 350}
### END SOLUTION

# %% tags=["check"]
lab.check("two-clocks", seconds)

# %% [markdown]
# The node comes back.

# %%
lab.heal(worker)

# %% language="bash"
# kubectl rollout status deployment/patient --timeout=60s
# kubectl get pods -o wide

# %% [markdown]
# `patient` has the same Pod as before: it was only asleep. The old Pod of `quick` was told to leave
# while nobody could hear it, and does so now. Had the node only lost its *network*, both Pods of
# `quick` would have run at the same time. A cluster cannot tell the two cases apart; so it waits.
#
# All that you foretold, beside what came:

# %%
lab.compare()

# %% [markdown]
# And all of it once more, to be played and stepped through:

# %%
lab.replay()

# %% [markdown]
# ## In your own words
#
# The forum's answer says that the app stays up while a node is drained. Tell the team in three
# sentences what has to be true for that.
#
# <details><summary>One way to say it</summary>
#
# There have to be two ready Pods at least, and a budget, since a drain evicts all Pods of a node at
# once and waits only until they are gone. The replacements have to find a place on another node, which
# a pinned Pod does not, and the budget must allow at least one Pod to be missing, or the drain never
# ends. All this is for maintenance that is planned: nobody asks the budget when a node dies, and then
# it takes minutes until Pods are replaced.
#
# </details>
#
# ## What it came to

# %%
lab.summary()

# %% [markdown]
# The last cell puts the cluster back: your namespace and the cordons go, and a frozen node is healed.

# %%
lab.close()
